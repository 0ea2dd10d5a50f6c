/**
 * Pages of a list by keyset: a cursor says what the last row was, so pages stay right while rows come and go, and the
 * thousandth costs as much as the first.
 */
import { ValidationError } from './errors.ts'

/** No page is longer. */
export const PAGE_LIMIT = 100
export const DEFAULT_SIZE = 20

export type PageArgs = {
  first?: number | null | undefined
  after?: string | null | undefined
  last?: number | null | undefined
  before?: string | null | undefined
}

/** A cursor's values, in the order of the list's sort keys; the last is the id. */
export type Cursor = (string | number | null)[]

export type Page = { size: number; backward: boolean; after: Cursor | null; before: Cursor | null }

export type Connection<Row> = {
  edges: { cursor: string; node: Row }[]
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null }
  /** Counted only when somebody asks. */
  totalCount: () => Promise<number>
}

export const encodeCursor = (cursor: Cursor): string => Buffer.from(JSON.stringify(cursor)).toString('base64url')

function decodeCursor(text: string, path: string): Cursor {
  try {
    const cursor: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    const plain = (value: unknown) => value === null || typeof value === 'string' || typeof value === 'number'
    if (Array.isArray(cursor) && cursor.length > 0 && cursor.every(plain)) return cursor
  } catch {}
  throw ValidationError.at(path, 'is not a cursor of this list')
}

/** Checked arguments. `first` counts from the start, `last` from the end; both together are refused. */
export function pageOf({ first, after, last, before }: PageArgs): Page {
  if (first != null && last != null) throw ValidationError.at('last', 'cannot be combined with first')
  const [path, size] = last == null ? ['first', first ?? DEFAULT_SIZE] : ['last', last]
  if (size < 0 || size > PAGE_LIMIT) throw ValidationError.at(String(path), `must be from 0 to ${PAGE_LIMIT}`)
  return {
    size: Number(size),
    backward: last != null,
    after: after == null ? null : decodeCursor(after, 'after'),
    before: before == null ? null : decodeCursor(before, 'before'),
  }
}

/** Its cursor is written when somebody reads it, which few do. */
class Edge<Row> {
  readonly node: Row
  readonly #cursorOf: (row: Row) => Cursor

  constructor(node: Row, cursorOf: (row: Row) => Cursor) {
    this.node = node
    this.#cursorOf = cursorOf
  }

  get cursor(): string {
    return encodeCursor(this.#cursorOf(this.node))
  }
}

/**
 * The connection of a page. `rows` were read with one more than `size`, in the direction of the page; the surplus row
 * says that there is more.
 */
export function connectionOf<Row>(
  page: Page,
  rows: Row[],
  cursorOf: (row: Row) => Cursor,
  totalCount: () => Promise<number>,
): Connection<Row> {
  const more = rows.length > page.size
  const kept = rows.slice(0, page.size)
  if (page.backward) kept.reverse()
  const edges = kept.map((node) => new Edge(node, cursorOf))
  return {
    edges,
    pageInfo: {
      hasNextPage: page.backward ? page.before !== null : more,
      hasPreviousPage: page.backward ? more : page.after !== null,
      get startCursor() {
        return edges[0]?.cursor ?? null
      },
      get endCursor() {
        return edges.at(-1)?.cursor ?? null
      },
    },
    totalCount,
  }
}

/** The first rows of a list, page by page, for clients that know no pages: at most `limit`. */
export async function firstRows<Row>(
  limit: number,
  list: (args: PageArgs) => Promise<Connection<Row>>,
): Promise<Row[]> {
  const rows: Row[] = []
  for (let after: string | null = null; rows.length < limit; ) {
    const { edges, pageInfo } = await list({ first: Math.min(PAGE_LIMIT, limit - rows.length), after })
    rows.push(...edges.map(({ node }) => node))
    if (!pageInfo.hasNextPage) break
    after = pageInfo.endCursor
  }
  return rows
}
