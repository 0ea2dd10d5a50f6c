/**
 * Virtual time. What happens is an event at an instant; one at a time, and between two of them everything that the event
 * set in motion comes to rest. Which of two events at one instant is first, the seed says.
 */
import type { Random } from './random.ts'

/** What runs on the timeline as one: a process that may die, or stand still for a while. */
export type Process = { name: string; dead: boolean; frozen: boolean; held: Event[] }

export const newProcess = (name: string): Process => ({ name, dead: false, frozen: false, held: [] })

type Deed = () => unknown
type Event = { at: number; tie: number; deed: Deed; process: Process | undefined; isOff: boolean }

export function createTimeline(random: Random) {
  const events: Event[] = []
  let now = 0

  function insert(event: Event) {
    let low = 0
    for (let high = events.length; low < high; ) {
      const middle = (low + high) >> 1
      if (isLater(events[middle] as Event, event)) low = middle + 1
      else high = middle
    }
    events.splice(low, 0, event)
  }

  return {
    /** Milliseconds since the history began. */
    now: () => now,
    /** Does it `ms` from now; the answer calls it off. That of a process waits while it stands still, and dies with it. */
    after(ms: number, deed: Deed, process?: Process): () => void {
      const event: Event = { at: now + Math.max(0, ms), tie: random.next(), deed, process, isOff: false }
      insert(event)
      return () => {
        event.isOff = true
      }
    },
    /** What has waited for a process that stood still happens now, in its order. */
    thaw(process: Process) {
      process.frozen = false
      for (const [index, event] of process.held.entries()) insert(Object.assign(event, { at: now + index / 1_000 }))
      process.held = []
    },
    /** Goes on until `isDone`, or nothing is left to happen, or it is `limit`. */
    async run(limit: number, isDone: () => boolean): Promise<void> {
      while (!isDone()) {
        const event = events.at(-1)
        if (!event || event.at > limit) {
          now = Math.max(now, limit)
          return
        }
        events.pop()
        const { process } = event
        if (event.isOff || process?.dead) continue
        if (process?.frozen) {
          process.held.push(event)
          continue
        }
        now = event.at
        await event.deed()
        await rest()
      }
    },
  }
}

const isLater = (one: Event, other: Event) => one.at > other.at || (one.at === other.at && one.tie > other.tie)

/** The engine's own turns of the event loop: batches wait for one before they send. */
async function rest(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise(setImmediate)
}
