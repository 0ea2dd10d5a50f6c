/** Reads what waits in a set of changes, and remembers the latest of it for those who ask for the same a little later. */
import { LRUCache } from 'lru-cache'
import type { ChangeSet, Mark } from './change-set.ts'
import type { Topic } from './events.ts'

/** `deletedAt`: it is shown like this once, and not again. */
export type Changing = { id: string; deletedAt: Date | null }

export type ChangeSource<Row extends Changing> = {
  topic: Topic
  /** As they are now, in a fixed number of statements; those that are gone are missing. */
  read(ids: readonly string[]): Promise<Row[]>
  /** Ids of what has changed since, in order, behind `after`; at most `limit`. */
  changedSince(since: Mark, after: string | null, limit: number): Promise<string[]>
  /** What changes by events of runs, without a word on the bus. */
  events?: {
    /** The position behind which all events come from now on. */
    now(): Promise<number>
    /** Calls for each event that changes something, in order, until the answer is called. `lost`: some are gone. */
    follow(after: number, changed: (id: string, position: number) => void, lost: () => void): () => void
  }
}

const PAGE = 200
const REMEMBERED = 1_000

export function createChangeReader<Row extends Changing>(source: Pick<ChangeSource<Row>, 'read' | 'changedSince'>) {
  const latest = new LRUCache<string, Row>({ max: REMEMBERED })

  return {
    /** The next that wait, and the next of a walk, so that neither keeps the other waiting; none may be none yet. */
    async idsOf(waiting: ChangeSet): Promise<string[]> {
      const walk = waiting.walk()
      const met = walk ? await source.changedSince(walk.since, walk.after, PAGE) : []
      if (walk) waiting.walked(met.length < PAGE ? null : (met.at(-1) ?? null))
      return [...new Set([...waiting.take(PAGE), ...met])]
    },
    /** In the order of the ids, as they are now; null: it is gone. */
    async newRows(ids: readonly string[]): Promise<(Row | null)[]> {
      const found = new Map((await source.read(ids)).map((row) => [row.id, row]))
      for (const id of ids) {
        const row = found.get(id)
        if (row) latest.set(id, row)
        else latest.delete(id)
      }
      return ids.map((id) => found.get(id) ?? null)
    },
    /**
     * The same, but as they were when the node last looked at them, if it remembers: subscribers would see things go back
     * and forth if they were ahead of it.
     */
    async rows(ids: readonly string[]): Promise<(Row | null)[]> {
      const known = new Map(ids.map((id) => [id, latest.get(id) ?? null]))
      const unknown = ids.filter((id) => !known.get(id))
      for (const row of unknown.length > 0 ? await source.read(unknown) : []) known.set(row.id, row)
      return ids.map((id) => known.get(id) ?? null)
    },
    forget: () => latest.clear(),
  }
}
