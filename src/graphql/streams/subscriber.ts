/**
 * One subscriber of a group.
 *
 *     reading ──has read as far as its group──▶ live
 *     live ──takes too slowly──▶ reading, from the log, at its own pace
 *
 * Reading, it has a source of its own and waits until each result is taken. Live, it is given what its group is given.
 * What has no log can only be live; who is too slow for that is sent away, to ask again how things are.
 */
import { LimitError } from '../../kernel/errors.ts'
import type { Group, Live } from './group.ts'
import type { SharedResult } from './result.ts'

/** Where results go. */
export type Sink = {
  /** `taken` is called when it has left this process, or never will. */
  send(shared: SharedResult, taken?: () => void): void
  /** So much waits to be taken that no more should be kept in memory. */
  isFull(): boolean
}

type Source = AsyncIterableIterator<unknown>

export type Subscriber = {
  /** When it is over; the reason if it is one. */
  ended: Promise<{ reason?: unknown }>
  leave(): void
}

export function createSubscriber({
  group,
  after,
  sink,
  read,
}: {
  group: Group
  /** The cursor that it begins behind; null: from now on. */
  after: string | null
  sink: Sink
  /** Opens the log behind a cursor; null: there is none. */
  read: ((after: string) => Promise<Source>) | null
}) {
  const letGo = group.hold()
  let source: Source | null = null
  let isOver = false
  /** Of the last event that it has. */
  let position = after === null ? null : Number(after)
  let tell: (end: { reason?: unknown }) => void = () => {}
  const ended = new Promise<{ reason?: unknown }>((resolve) => {
    tell = resolve
  })

  const member: Live = {
    next(shared) {
      if (position !== null && shared.position !== null && shared.position <= position) return
      if (sink.isFull()) return fallBack(shared)
      sink.send(shared)
      position = shared.position
    },
    end: over,
  }

  function over(reason?: unknown) {
    if (isOver) return
    isOver = true
    group.leave(member)
    source?.return?.().catch(() => {})
    letGo()
    tell(reason === undefined ? {} : { reason })
  }

  function fallBack(next: SharedResult) {
    group.leave(member)
    if (!read || next.position === null) {
      return over(new LimitError('you take too slowly what is sent: ask how things are, and subscribe again'))
    }
    read(String(position ?? next.position - 1)).then(follow, over)
  }

  async function follow(events: Source): Promise<void> {
    source = events
    try {
      if (isOver) return void (await events.return?.())
      for await (const event of events) {
        const shared = await group.results.of(event)
        if (isOver) return
        await new Promise<void>((taken) => sink.send(shared, taken))
        position = shared.position
        if (isOver) return
        if (group.hasReached(position)) return group.join(member)
      }
      over()
    } catch (error) {
      over(error)
    }
  }

  const subscriber: Subscriber = { ended, leave: () => over() }
  return {
    subscriber,
    /** Reads `events`, its own, until it may be live. */
    follow,
    goLive: () => group.join(member),
  }
}
