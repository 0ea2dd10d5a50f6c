/**
 * The order of a log whose positions are drawn before the commit, so that a lower one may appear after a higher one.
 *
 * Every position up to `mark` is known: passed on, or dead. At a missing position the reader stops until it appears or
 * is proved dead. Whoever drew it had its transaction id before; so at the moment when the rows behind it have been
 * read, that id is at most `hi`, the highest of our own open transactions, or has ended. When later no open id is ≤ `hi`
 * and the position is still missing, it was rolled back. Transactions of others do not matter: no dump, report or bulk
 * load holds the log up. (pg_snapshot_xmax is no substitute for `hi`: it is the latest *completed* id + 1, and open
 * transactions may lie above it.)
 */
export type HighWaterPorts<Row> = {
  /** Committed rows behind a position, in order; a bounded number. */
  read(after: number): Promise<Row[]>
  /** Ids (32 bits) of our own transactions that are open and have written something. */
  openIds(): Promise<number[]>
}

export function createHighWater<Row extends { position: number }>(ports: HighWaterPorts<Row>, start: number) {
  let mark = start
  /** Missing positions, each with its `hi`; null when no transaction of ours was open. */
  const holes = new Map<number, number | null>()

  return {
    mark: () => mark,
    /** Whether it waits for a missing position. */
    stuck: () => holes.size > 0,

    /** All rows behind the mark that can be seen, and those of them that are `ready` to be passed on in order. */
    async advance(): Promise<{ rows: Row[]; ready: Row[] }> {
      const before = holes.size > 0 ? await ports.openIds() : []
      const rows = await ports.read(mark)
      const fresh = new Set(missing(mark, rows).filter((position) => !holes.has(position)))
      if (fresh.size > 0) {
        const hi = newest(await ports.openIds())
        for (const position of fresh) holes.set(position, hi)
      }
      const ready: Row[] = []
      for (const row of rows) {
        for (let position = mark + 1; position < row.position; position++) {
          if (fresh.has(position) || !hasEnded(holes.get(position) ?? null, before)) return { rows, ready }
          holes.delete(position)
          mark = position
        }
        holes.delete(row.position)
        ready.push(row)
        mark = row.position
      }
      return { rows, ready }
    },
  }
}

function missing(mark: number, rows: { position: number }[]): number[] {
  const positions: number[] = []
  let next = mark + 1
  for (const row of rows) {
    for (; next < row.position; next++) positions.push(next)
    next = row.position + 1
  }
  return positions
}

/** Transaction ids wrap at 2³², so they are compared by their distance. */
const isLater = (id: number, than: number): boolean => ((id - than) | 0) > 0

const newest = (ids: number[]): number | null =>
  ids.reduce<number | null>((top, id) => (top === null || isLater(id, top) ? id : top), null)

const hasEnded = (hi: number | null, open: number[]): boolean => hi === null || open.every((id) => isLater(id, hi))
