/** What the lists of every feature have in common. */
import { LIST_ORDERS } from '../db/keyset.ts'
import { PAGE_LIMIT } from '../kernel/pages.ts'
import { builder } from './builder.ts'

export const ListOrderEnum = builder.enumType('ListOrder', {
  description: 'By the time of creation.',
  values: LIST_ORDERS,
})

/** The cost of a list: as many times its fields as it may have rows. */
export const listComplexity = ({
  first,
  last,
}: {
  first?: number | null | undefined
  last?: number | null | undefined
}) => ({
  field: 1,
  multiplier: Math.min(Math.max(first ?? last ?? 20, 1), PAGE_LIMIT),
})
