/**
 * Subscribers who ask the same with the same rights. One source, one execution per event, one text for all of them. A
 * subscriber that has a past to read joins once it has read as far as the group has come.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { createLine } from './line.ts'
import type { Results, SharedResult } from './result.ts'

/** A member of a group. Neither may throw. */
export type Live = {
  /** One or more, in order. */
  next(results: readonly SharedResult[]): void
  /** `error`: why there is no more; absent: there is nothing more to come. */
  end(error?: unknown): void
}

type Opening = AsyncIterableIterator<unknown> | Promise<AsyncIterableIterator<unknown>>

/** So many members are served before others of this process get their turn. */
const AT_ONCE = 500
/** So many events are executed at once: those that come together share what they load, and are written together. */
const IN_FLIGHT = 50

export type Group = ReturnType<typeof createGroup>

export function createGroup({ results, onClose }: { results: Results; onClose: () => void }) {
  const live = new Set<Live>()
  let holders = 0
  let source: AsyncIterableIterator<unknown> | null = null
  let hasBegun = false
  let isClosed = false
  /** Of the last event that its members were given; null: none yet, or they have no positions. */
  let position: number | null = null

  async function deliver(results: SharedResult[]) {
    position = results.at(-1)?.position ?? null
    let served = 0
    for (const member of [...live]) {
      if (served++ % AT_ONCE === AT_ONCE - 1) await turn()
      if (live.has(member)) member.next(results)
    }
  }

  async function run(opening: Opening) {
    let reason: unknown
    try {
      source = await opening
      if (isClosed) return void source.return?.()
      const line = createLine(IN_FLIGHT, deliver)
      for await (const event of source) await line.add(results.of(event))
      await line.done()
    } catch (error) {
      reason = error
    }
    close()
    for (const member of live) member.end(reason)
  }

  function close() {
    if (isClosed) return
    isClosed = true
    source?.return?.().catch(() => {})
    onClose()
  }

  return {
    results,
    hasBegun: () => hasBegun,
    /** From then on its members miss nothing. */
    begin(opening: Opening): void {
      hasBegun = true
      run(opening)
    },
    /** It lives as long as somebody holds it. */
    hold: () => void holders++,
    /** Once, by each who held it. */
    letGo(): void {
      holders--
      if (holders === 0) close()
    },
    /** Whether who has all up to `reached` would miss nothing by joining now. */
    hasReached: (reached: number | null) => !isClosed && position !== null && reached !== null && reached >= position,
    /** From now on. */
    join: (member: Live) => void live.add(member),
    leave: (member: Live) => void live.delete(member),
  }
}
