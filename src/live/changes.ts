/**
 * Tells subscribers what has changed, as it is now: for things without a history. The bus says which, one reader per
 * node looks at them for all subscribers together, and rights are asked in memory. What changes often while its
 * subscriber is slow is shown once, and its last state always is. What the bus has missed is looked for afterwards.
 */
import { LRUCache } from 'lru-cache'
import { isUnreachable } from '../db/errors.ts'
import type { Clock } from '../kernel/clock.ts'
import { closeable } from '../kernel/closeable.ts'
import type { Log } from '../kernel/log.ts'
import { createLoop } from '../kernel/loop.ts'
import type { Bus } from './bus.ts'
import { type ChangeSet, createChangeSet, earlier, type Mark } from './change-set.ts'
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

export type Changes<Row extends Changing> = ReturnType<typeof createChanges<Row>>

/** Things that wait for a slow subscriber, by their ids. */
const WAITING = 1_000
/** Things that this node has not looked at yet. */
const UNSEEN = 10_000
const PAGE = 200
/** Things that are remembered as they are, for subscribers who read at their own pace. */
const REMEMBERED = 1_000
/** Clocks differ, and what a transaction writes is older than its commit. */
const MARGIN_MS = 60_000
/** Until PostgreSQL is asked again when it could not be reached. */
const RETRY_MS = 250

type Subscriber<Row> = {
  /** Null: of everything. */
  id: string | null
  sees(row: Row): boolean
  waiting: ChangeSet
  begun: boolean
  /** Ends its waiting. */
  wake(): void
}

export function createChanges<Row extends Changing>(deps: {
  source: ChangeSource<Row>
  bus: Bus
  clock: Clock
  log: Log
}) {
  const { source, bus, clock, log } = deps
  const subscribers = new Set<Subscriber<Row>>()
  const unseen = createChangeSet(UNSEEN)
  const latest = new LRUCache<string, Row>({ max: REMEMBERED })
  const toldGone = new LRUCache<string, true>({ max: REMEMBERED })
  let closed = false
  let following: Promise<() => void> | null = null
  let heardAt = 0
  let position = 0
  /** How things stood before the first of what is unseen; null: all is seen. */
  let oldest: Mark | null = null

  const loop = createLoop({ name: `changes of ${source.topic}`, clock, log, work: look })
  const unsubscribe = bus.subscribe(source.topic, (id) => {
    if (subscribers.size === 0) return
    if (id === null) lookAgain()
    else changed(id)
    heardAt = clock.now()
  })

  const mark = (at = clock.now()): Mark => ({ at: at - MARGIN_MS, position })

  function changed(id: string) {
    const before = mark()
    oldest ??= before
    latest.delete(id)
    unseen.add(id, before)
    loop.wake()
  }

  /** Something may have been missed: whoever watches one thing is shown it, the others what has changed meanwhile. */
  function lookAgain() {
    const before = mark(heardAt)
    oldest = oldest ? earlier(oldest, before) : before
    latest.clear()
    for (const { id } of subscribers) if (id !== null) unseen.add(id, before)
    unseen.lose(before)
    loop.wake()
  }

  async function look(): Promise<number | null> {
    const before = oldest ?? mark()
    const ids = await idsOf(unseen)
    if (ids.length > 0) {
      const rows = await source.read(ids).catch((error) => {
        for (const id of ids) unseen.add(id, before)
        throw error
      })
      const found = new Map(rows.map((row) => [row.id, row]))
      for (const id of ids) tell(id, found.get(id) ?? null, before)
    }
    if (!unseen.isEmpty()) return 0
    oldest = null
    return null
  }

  function tell(id: string, row: Row | null, before: Mark) {
    if (row) latest.set(id, row)
    if (!row?.deletedAt) toldGone.delete(id)
    else if (toldGone.has(id)) return
    else toldGone.set(id, true)
    for (const { id: one, sees, waiting, wake } of subscribers) {
      const concerns = one === id || (one === null && row !== null && sees(row))
      if (!concerns) continue
      waiting.add(id, before)
      wake()
    }
  }

  /** The next that wait, and the next of a walk, so that neither keeps the other waiting; none may be none yet. */
  async function idsOf(waiting: ChangeSet): Promise<string[]> {
    const walk = waiting.walk()
    const met = walk ? await source.changedSince(walk.since, walk.after, PAGE) : []
    if (walk) waiting.walked(met.length < PAGE ? null : (met.at(-1) ?? null))
    return [...new Set([...waiting.take(PAGE), ...met])]
  }

  async function rowsOf(ids: readonly string[]): Promise<(Row | null)[]> {
    const known = new Map(ids.map((id) => [id, latest.get(id) ?? null]))
    const unknown = ids.filter((id) => !known.get(id))
    for (const row of unknown.length > 0 ? await source.read(unknown) : []) known.set(row.id, row)
    return ids.map((id) => known.get(id) ?? null)
  }

  /** Reads as soon as PostgreSQL answers; null when the subscriber has left by then. */
  async function patiently<Result>(subscriber: Subscriber<Row>, read: () => Promise<Result>): Promise<Result | null> {
    while (subscribers.has(subscriber)) {
      try {
        return await read()
      } catch (error) {
        if (!isUnreachable(error)) throw error
        await new Promise<void>((resolve) => {
          clock.after(RETRY_MS, resolve)
        })
      }
    }
    return null
  }

  async function* show(subscriber: Subscriber<Row>) {
    const { id: one, sees, waiting } = subscriber
    while (subscribers.has(subscriber)) {
      const ids = await patiently(subscriber, () => idsOf(waiting))
      const rows = ids && (await patiently(subscriber, () => rowsOf(ids)))
      for (const row of rows ?? []) {
        if (row && sees(row)) yield row
        if (one !== null && (!row || row.deletedAt)) return
      }
      if (!waiting.isEmpty() || !subscribers.has(subscriber)) continue
      await new Promise<void>((resolve) => {
        subscriber.wake = resolve
      })
    }
  }

  function leave(subscriber: Subscriber<Row>) {
    if (!subscribers.delete(subscriber)) return
    subscriber.wake()
    if (subscribers.size > 0) return
    following?.then((stop) => stop()).catch(() => {})
    following = null
    for (const each of [unseen, latest, toldGone]) each.clear()
  }

  async function begin(): Promise<() => void> {
    heardAt = clock.now()
    if (!source.events) return () => {}
    position = await source.events.now()
    return source.events.follow(
      position,
      (id, at) => {
        changed(id)
        position = at
      },
      lookAgain,
    )
  }

  return {
    /**
     * The thing with this id, or null: all that `sees` lets through. Each is shown as it is after it has changed, from the
     * moment on at which this resolves. The stream of one thing ends when that is deleted, or gone.
     */
    async follow(id: string | null, sees: (row: Row) => boolean): Promise<AsyncIterableIterator<Row>> {
      const subscriber: Subscriber<Row> = { id, sees, waiting: createChangeSet(WAITING), begun: false, wake() {} }
      if (!closed) {
        subscribers.add(subscriber)
        following ??= begin()
        await following.catch((error) => {
          leave(subscriber)
          throw error
        })
        subscriber.begun = true
      }
      return closeable(show(subscriber), () => leave(subscriber))
    },
    subscriberCount: () => [...subscribers].filter(({ begun }) => begun).length,
    async close() {
      closed = true
      unsubscribe()
      for (const subscriber of subscribers) leave(subscriber)
      await loop.stop()
    },
  }
}
