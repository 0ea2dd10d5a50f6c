/**
 * Those who ask for the same thing faster than it is done wait for their turn, and are then served together.
 * `serve` gets what was asked in order, and its answer is for all of them. When it refuses several, each is served alone,
 * so that nobody is refused for what another asked; another fault is a fault for all, as nobody knows what was done.
 */
import type { Clock } from './clock.ts'
import { DomainError, LimitError } from './errors.ts'

type Waiting<Item, Result> = { item: Item; resolve: (result: Result) => void; reject: (reason: unknown) => void }

/** `mostWaiting`: more are refused with a LimitError that says `tooMany`. */
export function createTurns<Item, Result>(
  serve: (items: Item[]) => Promise<Result>,
  options: { clock: Clock; intervalMs: number; mostWaiting: number; tooMany: string },
): (key: string, item: Item) => Promise<Result> {
  const { clock, intervalMs, mostWaiting, tooMany } = options
  const lanes = new Map<string, Waiting<Item, Result>[]>()

  async function serveAll(waiting: Waiting<Item, Result>[]): Promise<void> {
    try {
      const result = await serve(waiting.map(({ item }) => item))
      for (const { resolve } of waiting) resolve(result)
    } catch (error) {
      if (waiting.length > 1 && error instanceof DomainError) for (const each of waiting) await serveAll([each])
      else for (const { reject } of waiting) reject(error)
    }
  }

  async function run(key: string, lane: Waiting<Item, Result>[]): Promise<void> {
    while (lane.length > 0) {
      await serveAll(lane.splice(0))
      await new Promise<void>((resolve) => {
        clock.after(intervalMs, resolve)
      })
    }
    lanes.delete(key)
  }

  return async (key, item) => {
    const lane = lanes.get(key) ?? []
    if (lane.length >= mostWaiting) throw new LimitError(tooMany)
    return new Promise<Result>((resolve, reject) => {
      lane.push({ item, resolve, reject })
      if (lanes.has(key)) return
      lanes.set(key, lane)
      void run(key, lane)
    })
  }
}
