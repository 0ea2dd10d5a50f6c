/** Lists in the order of their ids, which is the order of creation, page by page. */
import { ValidationError } from '../kernel/errors.ts'
import { isUuid } from '../kernel/ids.ts'
import { type Connection, connectionOf, type Page, type PageArgs, pageOf } from '../kernel/pages.ts'

export const LIST_ORDERS = ['NEWEST', 'OLDEST'] as const

export type ListOrder = (typeof LIST_ORDERS)[number]

/** The part of a Prisma query that reads one page, and one row more. */
export type KeysetQuery = {
  where: { id?: { lt?: string; gt?: string } }
  orderBy: { id: 'asc' | 'desc' }
  take: number
}

function idIn(cursor: Page['after'], path: string): string | null {
  if (cursor === null) return null
  const [id] = cursor
  if (cursor.length !== 1 || !isUuid(id)) throw ValidationError.at(path, 'is not a cursor of this list')
  return id
}

export function keysetOf(page: Page, order: ListOrder): KeysetQuery {
  const after = idIn(page.after, 'after')
  const before = idIn(page.before, 'before')
  const [low, high] = order === 'NEWEST' ? [before, after] : [after, before]
  const direction = (order === 'NEWEST') === page.backward ? 'asc' : 'desc'
  const bounds = { ...(low !== null && { gt: low }), ...(high !== null && { lt: high }) }
  return {
    where: low === null && high === null ? {} : { id: bounds },
    orderBy: { id: direction },
    take: page.size + 1,
  }
}

/** One page of rows, and their number when it is asked for. */
export async function listById<Row extends { id: string }>(
  args: PageArgs & { orderBy?: ListOrder | null | undefined },
  read: { rows: (query: KeysetQuery) => Promise<Row[]>; count: () => Promise<number> },
): Promise<Connection<Row>> {
  const page = pageOf(args)
  const rows = await read.rows(keysetOf(page, args.orderBy ?? 'NEWEST'))
  return connectionOf(page, rows, ({ id }) => [id], read.count)
}
