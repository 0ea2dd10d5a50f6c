/**
 * Serves subscribers from the log of run events: what is past in pages, then the tail, without a gap and without a
 * repeat. One reader per node follows the log for all of them, and rests while there is none.
 */
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import { createLoop } from '../kernel/loop.ts'
import { isTerminal } from '../runs/states.ts'
import type { Bus } from './bus.ts'
import { createHighWater } from './high-water.ts'
import { type FeedEvent, type FeedFilter, type LogReader, PAGE_SIZE } from './log-reader.ts'
import { createMailbox, type Mailbox } from './mailbox.ts'

export type Feed = ReturnType<typeof createFeed>

/** Events that wait for a slow subscriber in memory; after that it reads them from the log. */
const BUFFER = 1000
/** When the reader begins, so many positions are gone through again, for transactions that are open at that moment. */
const LOOK_BACK = 1000
const IDLE_POLL_MS = 1000
const STUCK_POLL_MS = 15

type Subscriber = {
  filter: FeedFilter
  mailbox: Mailbox<FeedEvent>
  /** Wants each event as soon as it can be seen, in whatever order, as a hint to read. */
  eager: boolean
}

export function createFeed({ reader, bus, clock, log }: { reader: LogReader; bus: Bus; clock: Clock; log: Log }) {
  const subscribers = new Set<Subscriber>()
  let water: ReturnType<typeof createHighWater<FeedEvent>> | null = null
  /** Seen but not yet passed on, while an earlier position is missing. */
  let ahead = new Set<number>()
  let waiting: ((mark: number) => void)[] = []

  const loop = createLoop({ name: 'feed', clock, log, work: look })
  const unsubscribe = bus.subscribe('events', () => {
    if (subscribers.size > 0) loop.wake()
  })

  async function look(): Promise<number | null> {
    if (subscribers.size === 0) {
      water = null
      ahead = new Set()
      release(waiting, 0)
      return null
    }
    const asked = waiting
    water ??= createHighWater(
      { read: (after) => reader.page({}, after), openIds: reader.openIds },
      Math.max(0, (await reader.last()) - LOOK_BACK),
    )
    const { rows, ready } = await water.advance()
    const passed = new Set(ready.map(({ position }) => position))
    for (const row of rows) {
      if (!ahead.has(row.position)) tell(row, true)
      if (passed.has(row.position)) ahead.delete(row.position)
      else ahead.add(row.position)
    }
    for (const row of ready) tell(row, false)
    if (rows.length === PAGE_SIZE && ready.length > 0) return 0
    release(asked, water.mark())
    if (waiting.length > 0) return 0
    return water.stuck() ? STUCK_POLL_MS : IDLE_POLL_MS
  }

  function tell(event: FeedEvent, eager: boolean) {
    for (const subscriber of subscribers) {
      if (subscriber.eager === eager && matches(subscriber.filter, event)) subscriber.mailbox.put(event)
    }
  }

  function release(those: ((mark: number) => void)[], mark: number) {
    waiting = waiting.filter((resolve) => !those.includes(resolve))
    for (const resolve of those) resolve(mark)
  }

  /** The mark as it is after a look that begins now. */
  function freshMark(): Promise<number> {
    return new Promise((resolve) => {
      waiting.push(resolve)
      loop.wake()
    })
  }

  async function* followRun(filter: FeedFilter, after: number | null, mailbox: Mailbox<FeedEvent>) {
    let cursor = after ?? (await reader.last())
    for (;;) {
      const events = await reader.page(filter, cursor)
      for (const event of events) {
        yield event
        if (isTerminal(event.kind)) return
        cursor = event.position
      }
      if (events.length === 0 && (await hasEnded(filter, cursor))) return
      if (events.length < PAGE_SIZE && (await mailbox.take()) === 'closed') return
    }
  }

  /** Whether the cursor lies behind the last event that the run will ever have. */
  async function hasEnded(filter: FeedFilter, cursor: number): Promise<boolean> {
    const [last] = await reader.lastOf(filter)
    return last !== undefined && last.position <= cursor && isTerminal(last.kind)
  }

  async function* followMany(filter: FeedFilter, after: number | null, mailbox: Mailbox<FeedEvent>) {
    let cursor = after
    for (;;) {
      const mark = await freshMark()
      cursor ??= mark
      let events: FeedEvent[]
      do {
        events = await reader.page(filter, cursor, mark)
        for (const event of events) {
          yield event
          cursor = event.position
        }
      } while (events.length === PAGE_SIZE)
      for (;;) {
        const arrived = await mailbox.take()
        if (arrived === 'closed') return
        if (arrived === 'overflow') break
        for (const event of arrived) {
          if (event.position <= cursor) continue
          yield event
          cursor = event.position
        }
      }
    }
  }

  return {
    /**
     * Events that match, later than the cursor `after`, then each new one. Null: from now on; 0: from the start of
     * what is kept. The stream of one run ends after its last event.
     */
    follow(filter: FeedFilter, after: number | null): AsyncIterableIterator<FeedEvent> {
      const one = filter.runId !== undefined
      const mailbox = createMailbox<FeedEvent>(one ? 1 : BUFFER)
      const subscriber: Subscriber = { filter, mailbox, eager: one }
      subscribers.add(subscriber)
      loop.wake()
      const leave = () => {
        subscribers.delete(subscriber)
        mailbox.close()
      }
      return closeable((one ? followRun : followMany)(filter, after, mailbox), leave)
    },
    subscriberCount: () => subscribers.size,
    async close() {
      unsubscribe()
      for (const { mailbox } of subscribers) mailbox.close()
      subscribers.clear()
      release(waiting, 0)
      await loop.stop()
    },
  }
}

function matches(filter: FeedFilter, event: FeedEvent): boolean {
  return (
    (filter.runId === undefined || filter.runId === event.runId) &&
    (filter.jobId === undefined || filter.jobId === event.jobId) &&
    (filter.artifactId === undefined || filter.artifactId === event.artifactId) &&
    (filter.ownerId === undefined || filter.ownerId === event.ownerId)
  )
}

/** A generator's `return` waits for the `next` that is under way; leaving first lets that one end. */
function closeable<Item>(source: AsyncGenerator<Item>, leave: () => void): AsyncIterableIterator<Item> {
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    async next() {
      const result = await source.next()
      if (result.done) leave()
      return result
    },
    return() {
      leave()
      return source.return(undefined)
    },
    throw(error) {
      leave()
      return source.throw(error)
    },
  }
}
