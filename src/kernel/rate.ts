/** How often somebody may do something. Counted on this node, and forgotten with it; those who came last are remembered. */
import { LRUCache } from 'lru-cache'
import { growingTo } from './growing.ts'

/** What somebody has left of a window, and milliseconds until the next one. */
export type Allowance = { limit: number; remaining: number; resetMs: number }

export type Rate = {
  /** Counts one more; milliseconds to wait if that is one too many, else 0. */
  take(key: string): number
  /** Takes one back that was not to be counted. */
  giveBack(key: string): void
  /** Counts nothing. */
  look(key: string): Allowance
}

/** Keys that are remembered. */
const REMEMBERED = 20_000

/** `limit` times in `windowMs` for each key. */
export function createRate({ limit, windowMs, now }: { limit: number; windowMs: number; now: () => number }): Rate {
  const windows = new LRUCache<string, { count: number; endsAt: number }>(growingTo(REMEMBERED))
  return {
    take(key) {
      const at = now()
      const before = windows.get(key)
      if (!before || before.endsAt <= at) {
        windows.set(key, { count: 1, endsAt: at + windowMs })
        return 0
      }
      if (before.count >= limit) return before.endsAt - at
      before.count += 1
      return 0
    },
    giveBack(key) {
      const before = windows.get(key)
      if (before && before.count > 0) before.count -= 1
    },
    look(key) {
      const at = now()
      const before = windows.peek(key)
      if (!before || before.endsAt <= at) return { limit, remaining: limit, resetMs: windowMs }
      return { limit, remaining: limit - before.count, resetMs: before.endsAt - at }
    },
  }
}
