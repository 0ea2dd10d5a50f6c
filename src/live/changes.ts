/**
 * Tells subscribers what has changed, as it is now: for things without a history. The bus says which, one reader per
 * node looks at them for all subscribers together, and rights are asked in memory. What changes often while its
 * subscriber is slow is shown once, and its last state always is. What the bus has missed is looked for afterwards.
 */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../kernel/clock.ts'
import { closeable } from '../kernel/closeable.ts'
import type { Log } from '../kernel/log.ts'
import { createLoop } from '../kernel/loop.ts'
import type { Bus } from './bus.ts'
import { type ChangeSource, type Changing, createChangeReader } from './change-reader.ts'
import { type ChangeSet, createChangeSet, earlier, type Mark } from './change-set.ts'
import { patiently } from './patiently.ts'

export type Changes<Row extends Changing> = ReturnType<typeof createChanges<Row>>

/** Things that wait for a slow subscriber, by their ids. */
const WAITING = 1_000
/** Things that this node has not looked at yet. */
const UNSEEN = 10_000
/** Deletions that were told, so that what happens afterwards is not. */
const REMEMBERED = 1_000
/** Clocks differ, and what a transaction writes is older than its commit. */
const MARGIN_MS = 60_000

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
  const reader = createChangeReader(source)
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
    unseen.add(id, before)
    loop.wake()
  }

  /** Something may have been missed: whoever watches one thing is shown it, the others what has changed meanwhile. */
  function lookAgain() {
    const before = mark(heardAt)
    oldest = oldest ? earlier(oldest, before) : before
    reader.forget()
    for (const { id } of subscribers) if (id !== null) unseen.add(id, before)
    unseen.lose(before)
    loop.wake()
  }

  async function look(): Promise<number | null> {
    const before = oldest ?? mark()
    const ids = await reader.idsOf(unseen)
    if (ids.length > 0) {
      const rows = await reader.newRows(ids).catch((error) => {
        for (const id of ids) unseen.add(id, before)
        throw error
      })
      for (const [index, id] of ids.entries()) tell(id, rows[index] ?? null, before)
    }
    if (!unseen.isEmpty()) return 0
    oldest = null
    return null
  }

  function tell(id: string, row: Row | null, before: Mark) {
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

  async function* show(subscriber: Subscriber<Row>) {
    const { id: one, sees, waiting } = subscriber
    const isHere = () => subscribers.has(subscriber)
    while (isHere()) {
      const ids = await patiently(clock, isHere, () => reader.idsOf(waiting))
      const rows = ids && (await patiently(clock, isHere, () => reader.rows(ids)))
      for (const row of rows ?? []) {
        if (row && sees(row)) yield row
        if (one !== null && (!row || row.deletedAt)) return
      }
      if (!waiting.isEmpty() || !isHere()) continue
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
    unseen.clear()
    oldest = null
    toldGone.clear()
    reader.forget()
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
