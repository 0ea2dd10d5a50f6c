/**
 * One subscriber of a group.
 *
 *     reading ──has read as far as its group──▶ live
 *     live ──takes too slowly──▶ reading, from the log, at its own pace
 *
 * Reading, it has a source of its own and waits until each result is taken. Live, it is given what its group is given.
 * What has no log can only be live; who is too slow for that is sent away, to ask again how things are.
 */
import type { Viewer } from '../../identity/viewer.ts'
import { LimitError } from '../../kernel/errors.ts'
import type { Group, Live } from './group.ts'
import type { SharedResult } from './result.ts'

/** Where results go. */
export type Sink = {
  /** One or more, in order. `taken` is called when they have left this process, or never will. */
  send(results: readonly SharedResult[], taken?: () => void): void
  /** So much waits to be taken that no more should be kept in memory. */
  isFull(): boolean
}

export type Taker = Sink & {
  /** It is over, also when it was left; the reason if it is one. Called once, and must not throw. */
  end(reason?: unknown): void
}

type Source = AsyncIterableIterator<unknown>

/** What is the same for all of a group is held once, not by each. */
export type Shared = {
  group: Group
  /** Opens the log behind a cursor; null: there is none. */
  read: ((cursor: string) => Promise<Source>) | null
  /** Somebody with the rights that all of the group have. */
  viewer: Viewer
  left(): void
}

/** An object and no closures: there are tens of thousands of them. */
export class Subscriber implements Live {
  readonly #shared: Shared
  readonly #taker: Taker
  #source: Source | null = null
  #isOver = false
  /** Of the last event that it has. */
  #position: number | null

  /** `after`: the cursor that it begins behind; null: from now on. */
  constructor(shared: Shared, taker: Taker, after: string | null) {
    this.#shared = shared
    this.#taker = taker
    this.#position = after === null ? null : Number(after)
    shared.group.hold()
  }

  get viewer(): Viewer {
    return this.#shared.viewer
  }

  goLive(): void {
    this.#shared.group.join(this)
  }

  next(results: readonly SharedResult[]): void {
    const after = this.#position
    const fresh = results.filter(({ position }) => after === null || position === null || position > after)
    const [first] = fresh
    if (!first) return
    if (this.#taker.isFull()) this.#fallBack(first)
    else {
      this.#taker.send(fresh)
      this.#position = fresh.at(-1)?.position ?? null
    }
  }

  end(reason?: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    const { group, left } = this.#shared
    group.leave(this)
    this.#source?.return?.().catch(() => {})
    group.letGo()
    left()
    this.#taker.end(reason)
  }

  #fallBack(next: SharedResult): void {
    const { group, read } = this.#shared
    group.leave(this)
    if (!read || next.position === null) {
      this.end(new LimitError('you take too slowly what is sent: ask how things are, and subscribe again'))
      return
    }
    read(String(this.#position ?? next.position - 1)).then(
      (events) => this.follow(events),
      (error) => this.end(error),
    )
  }

  /** Reads `events`, its own, until it may be live. */
  async follow(events: Source): Promise<void> {
    this.#source = events
    const { group } = this.#shared
    try {
      if (this.#isOver) return void (await events.return?.())
      for await (const event of events) {
        const shared = await group.results.of(event)
        if (this.#isOver) return
        await new Promise<void>((taken) => this.#taker.send([shared], taken))
        this.#position = shared.position
        if (this.#isOver) return
        if (group.hasReached(this.#position)) return this.goLive()
      }
      this.end()
    } catch (error) {
      this.end(error)
    }
  }
}
