/** Lists: pages of ten, counted from 1; one past the end is empty. */
import { z } from '@hono/zod-openapi'

const PAGE_SIZE = 10

export const pageQuery = z.strictObject({
  page: z
    .string()
    .regex(/^[1-9]\d{0,7}$/, 'must be a whole number from 1 on')
    .transform(Number)
    .default(1)
    .describe('Which page; the first is 1.')
    .openapi({ type: 'integer', minimum: 1, default: 1 }),
})

/** The rows of a page. */
export const rowsOf = (page: number) => ({ start: (page - 1) * PAGE_SIZE, limit: PAGE_SIZE })

/** A page of what `plural` calls it. */
export const pageSchema = <Plural extends string, Item extends z.ZodType>(plural: Plural, item: Item) =>
  z.object({
    count: z.int().describe('How many there are on all pages.'),
    pagesize: z.literal(PAGE_SIZE),
    page: z.int(),
    ...({ [plural]: z.array(item) } as { [key in Plural]: z.ZodArray<Item> }),
  })

export const pageOf = <Plural extends string, Item>(
  plural: Plural,
  items: Item[],
  at: { page: number; count: number },
) => ({
  ...{ count: at.count, pagesize: PAGE_SIZE as typeof PAGE_SIZE, page: at.page },
  ...({ [plural]: items } as { [key in Plural]: Item[] }),
})
