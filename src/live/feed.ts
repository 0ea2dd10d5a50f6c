/**
 * Serves subscribers from the log of run events: what is past in pages, then the tail, without a gap and without a
 * repeat. One reader per node follows the log for all of them, and rests while there is none. A database that is away
 * for a while delays a stream and does not end it. Where events were forgotten that a stream should have had, it ends
 * with a CursorExpiredError.
 */
import type { Clock } from '../kernel/clock.ts'
import { closeable } from '../kernel/closeable.ts'
import { CursorExpiredError } from '../kernel/errors.ts'
import type { Log } from '../kernel/log.ts'
import { createLoop } from '../kernel/loop.ts'
import { isTerminal } from '../runs/states.ts'
import type { Bus } from './bus.ts'
import { createHighWater } from './high-water.ts'
import { type FeedEvent, type FeedFilter, type LogReader, PAGE_SIZE } from './log-reader.ts'
import { createMailbox, type Mailbox } from './mailbox.ts'
import { patiently } from './patiently.ts'

export type Feed = ReturnType<typeof createFeed>

/** Events that wait for a slow subscriber in memory; after that it reads them from the log. */
const BUFFER = 1000
/** When the reader begins, so many more positions are gone through again, should the server's clock have gone back. */
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
  let closed = false
  let water: ReturnType<typeof createHighWater<FeedEvent>> | null = null
  /** Seen but not yet passed on, while an earlier position is missing. */
  let ahead = new Set<number>()
  let hintedAt = 0
  /** Who wants to know the mark; null: they have left. */
  const waiting = new Map<Subscriber, (mark: number | null) => void>()

  const loop = createLoop({ name: 'feed', clock, log, work: look })
  const unsubscribe = bus.subscribe('events', () => {
    if (subscribers.size > 0) loop.wake()
  })

  async function look(): Promise<number | null> {
    if (subscribers.size === 0) {
      water = null
      ahead = new Set()
      return null
    }
    const asked = [...waiting.keys()]
    water ??= createHighWater(
      { read: (after) => reader.page({}, after), openIds: reader.openIds },
      Math.max(0, (await reader.settled()) - LOOK_BACK),
    )
    const { rows, ready } = await water.advance()
    const passed = new Set(ready.map(({ position }) => position))
    for (const row of rows) {
      if (!ahead.has(row.position)) tell(row, true)
      if (passed.has(row.position)) ahead.delete(row.position)
      else ahead.add(row.position)
    }
    for (const row of ready) tell(row, false)
    if (rows.length === PAGE_SIZE) {
      if (ready.length > 0) return 0
      hintAll(rows)
    }
    for (const subscriber of asked) answer(subscriber, water.mark())
    if (waiting.size > 0) return 0
    return water.stuck() ? STUCK_POLL_MS : IDLE_POLL_MS
  }

  function tell(event: FeedEvent, eager: boolean) {
    for (const subscriber of subscribers) {
      if (subscriber.eager === eager && matches(subscriber.filter, event)) subscriber.mailbox.put(event)
    }
  }

  /** What lies more than a page behind a missing position is not seen here, and the stream of one run waits for nobody. */
  function hintAll([row]: FeedEvent[]) {
    if (clock.now() - hintedAt < IDLE_POLL_MS) return
    hintedAt = clock.now()
    for (const { eager, mailbox } of subscribers) if (row && eager) mailbox.put(row)
  }

  function answer(subscriber: Subscriber, mark: number | null) {
    waiting.get(subscriber)?.(mark)
    waiting.delete(subscriber)
  }

  /** The mark as it is after a look that begins now; null when the subscriber has left by then. */
  function freshMark(subscriber: Subscriber): Promise<number | null> {
    if (!subscribers.has(subscriber)) return Promise.resolve(null)
    return new Promise((resolve) => {
      waiting.set(subscriber, resolve)
      loop.wake()
    })
  }

  const read = <Result>(subscriber: Subscriber, ask: () => Promise<Result>) =>
    patiently(clock, () => subscribers.has(subscriber), ask)

  async function* followRun(subscriber: Subscriber, after: number | null) {
    const { filter, mailbox } = subscriber
    // Not the end of the whole log: an event of this run may be under way at a lower position.
    let cursor = after ?? (await read(subscriber, () => reader.lastOf(filter)))?.[0]?.position ?? 0
    for (;;) {
      const events = await read(subscriber, () => reader.page(filter, cursor))
      if (!events) return
      for (const event of events) {
        yield event
        if (isTerminal(event.kind)) return
        cursor = event.position
      }
      if (events.length === 0 && (await read(subscriber, () => hasEnded(filter, cursor)))) return
      if (events.length < PAGE_SIZE && (await mailbox.take()) === 'closed') return
    }
  }

  /** Whether the cursor lies behind the last event that the run will ever have. The log of one run is whole or gone. */
  async function hasEnded(filter: FeedFilter, cursor: number): Promise<boolean> {
    const [last] = await reader.lastOf(filter)
    if (last) return last.position <= cursor && isTerminal(last.kind)
    const floor = await reader.floor()
    if (floor > cursor) throw new CursorExpiredError(String(floor))
    return false
  }

  async function* followMany(subscriber: Subscriber, after: number | null) {
    const { filter, mailbox } = subscriber
    let cursor = after
    /** What was forgotten up to here is no loss: without a cursor, all that was so when the stream began. */
    let missed = after || null
    for (;;) {
      const mark = await freshMark(subscriber)
      if (mark === null) return
      let position: number = cursor ?? mark
      for (let isWhole = false; !isWhole; ) {
        const events = await read(subscriber, () => reader.page(filter, position, mark))
        // In this order: who forgets what this page should have had raises the floor in the same transaction.
        const floor = events && (await read(subscriber, reader.floor))
        if (!events || floor === null) return
        missed ??= floor
        if (floor > Math.max(position, missed)) throw new CursorExpiredError(String(floor))
        for (const event of events) {
          yield event
          position = event.position
        }
        isWhole = events.length < PAGE_SIZE
      }
      position = Math.max(position, mark)
      for (;;) {
        const arrived = await mailbox.take()
        if (arrived === 'closed') return
        if (arrived === 'overflow') break
        for (const event of arrived) {
          if (event.position <= position) continue
          yield event
          position = event.position
        }
      }
      cursor = position
    }
  }

  function leave(subscriber: Subscriber) {
    subscribers.delete(subscriber)
    subscriber.mailbox.close()
    answer(subscriber, null)
  }

  return {
    /**
     * Events that match, later than the cursor `after`, then each new one. Null: from now on; 0: from the start of
     * what is kept. The stream of one run ends after its last event. It ends with a CursorExpiredError when events that
     * it should have had are gone: behind the cursor, or under way to a reader that is so slow.
     */
    follow(filter: FeedFilter, after: number | null): AsyncIterableIterator<FeedEvent> {
      const one = filter.runId !== undefined
      const subscriber: Subscriber = { filter, mailbox: createMailbox(one ? 1 : BUFFER), eager: one }
      subscribers.add(subscriber)
      if (closed) leave(subscriber)
      else loop.wake()
      return closeable((one ? followRun : followMany)(subscriber, after), () => leave(subscriber))
    },
    subscriberCount: () => subscribers.size,
    async close() {
      closed = true
      unsubscribe()
      for (const subscriber of subscribers) leave(subscriber)
      await loop.stop()
    },
  }
}

function matches(filter: FeedFilter, event: FeedEvent): boolean {
  return (
    (filter.runId === undefined || filter.runId === event.runId) &&
    (filter.jobId === undefined || filter.jobId === event.jobId) &&
    (filter.artifactId === undefined || filter.artifactId === event.artifactId) &&
    (filter.principals === undefined || isOfOne(filter.principals, event))
  )
}

const isOfOne = (principals: readonly string[], { ownerId, readers }: FeedEvent): boolean =>
  principals.includes(ownerId) || (readers ?? []).some((reader) => principals.includes(reader))
