/**
 * What has changed and was not looked at yet: each thing once, however often it changed. Bounded: what is more than
 * `limit`, or was missed, is not kept by its id, but found again by when it changed.
 */

/** What changed later can be found again: by a time, in milliseconds, or by a position in the log of run events. */
export type Mark = { at: number; position: number }

/** A walk through all that changed since; `after`: the last id that was met. */
type Walk = { since: Mark; after: string | null }

export type ChangeSet = ReturnType<typeof createChangeSet>

export const earlier = (one: Mark, other: Mark): Mark => ({
  at: Math.min(one.at, other.at),
  position: Math.min(one.position, other.position),
})

export function createChangeSet(limit: number) {
  const ids = new Set<string>()
  let walk: Walk | null = null
  /** What changes during a walk may lie behind it, and is met by the next. */
  let next: Mark | null = null

  function lose(since: Mark) {
    if (walk) next = next ? earlier(next, since) : since
    else walk = { since, after: null }
  }

  return {
    /** `before`: how things stood before it changed. */
    add(id: string, before: Mark) {
      if (ids.size < limit || ids.has(id)) ids.add(id)
      else lose(before)
    },
    /** Anything may have changed since. */
    lose,
    isEmpty: () => ids.size === 0 && walk === null,
    /** The oldest; they are no longer in it. */
    take(count: number): string[] {
      const taken: string[] = []
      for (const id of ids) {
        if (taken.length === count) break
        taken.push(id)
        ids.delete(id)
      }
      return taken
    },
    walk: () => walk,
    /** The walk goes on behind this id; null: it is over. */
    walked(after: string | null) {
      if (walk && after !== null) walk = { since: walk.since, after }
      else {
        walk = next && { since: next, after: null }
        next = null
      }
    },
    clear() {
      ids.clear()
      walk = null
      next = null
    },
  }
}
