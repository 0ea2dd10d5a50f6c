/** HAL: links and what is embedded. Pure. */
import { z } from '@hono/zod-openapi'

export const linkSchema = z.object({ href: z.string(), templated: z.boolean().optional() })
const linksSchema = z.record(z.string(), linkSchema)

export const link = (href: string) => ({ href })

/** One page of a list: `_embedded[rel]`, and where in the list it stands. */
export const collectionSchema = <Item extends z.ZodType>(rel: string, item: Item) =>
  z.object({
    _links: linksSchema,
    _embedded: z.object({ [rel]: z.array(item) }),
    start: z.int(),
    count: z.int().describe('On this page.'),
    total: z.int(),
  })

export const collection = <Item>(
  self: z.output<typeof linkSchema>,
  rel: string,
  items: Item[],
  { start, total }: { start: number; total: number },
) => ({ _links: { self }, _embedded: { [rel]: items }, start, count: items.length, total })
