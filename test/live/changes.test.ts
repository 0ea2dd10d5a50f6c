/** The hub that tells of changes, over a bus and a source in the test's hand. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../src/kernel/clock.ts'
import { createLog } from '../../src/kernel/log.ts'
import { createLocalBus } from '../../src/live/bus.ts'
import type { ChangeSource } from '../../src/live/change-reader.ts'
import { createChanges } from '../../src/live/changes.ts'

type Thing = { id: string; deletedAt: Date | null; state: number; owner: string }

const log = createLog('silent')
const everybody = () => true

/** Things in memory. `change` tells of what it does, `set` does not. */
function world(more: Partial<ChangeSource<Thing>> = {}) {
  const bus = createLocalBus()
  const things = new Map<string, Thing & { at: number }>()
  const reads: string[][] = []
  const source: ChangeSource<Thing> = {
    topic: 'jobs',
    async read(ids) {
      reads.push([...ids])
      return ids.flatMap((id) => {
        const thing = things.get(id)
        return thing ? { ...thing } : []
      })
    },
    async changedSince(since, after, limit) {
      const changed = [...things.values()].filter(({ id, at }) => at >= since.at && (after === null || id > after))
      return changed
        .map(({ id }) => id)
        .sort()
        .slice(0, limit)
    },
    ...more,
  }
  const changes = createChanges({ source, bus, clock: systemClock, log })
  const set = (id: string, state: number, thing: Partial<Thing & { at: number }> = {}) =>
    void things.set(id, { id, deletedAt: null, owner: 'alice', at: Date.now(), ...thing, state })
  return {
    ...{ bus, changes, reads, things, set },
    change(id: string, state: number, thing: Partial<Thing> = {}) {
      set(id, state, thing)
      bus.publish('jobs', id)
    },
  }
}

/** Reads as long as nothing more comes within this turn of the loop. */
async function readAll(stream: AsyncIterableIterator<Thing>, shown: Thing[] = []) {
  for await (const thing of stream) shown.push(thing)
  return shown
}

let now: ReturnType<typeof world>
beforeEach(() => {
  now = world()
})
afterEach(async () => {
  await now.changes.close()
  expect(now.changes.subscriberCount()).toBe(0)
})

describe('a stream of changes', () => {
  it('shows each thing as it is after it has changed, to those who see it', async () => {
    const [all, hers, one] = await Promise.all([
      now.changes.follow(null, everybody),
      now.changes.follow(null, ({ owner }) => owner === 'alice'),
      now.changes.follow('b', everybody),
    ])
    now.change('a', 1)
    expect((await all.next()).value).toMatchObject({ id: 'a', state: 1 })
    now.change('b', 1, { owner: 'bob' })
    expect((await all.next()).value).toMatchObject({ id: 'b', state: 1 })
    expect((await one.next()).value).toMatchObject({ id: 'b', state: 1 })
    now.change('c', 1)
    expect((await hers.next()).value).toMatchObject({ id: 'a' })
    expect((await hers.next()).value).toMatchObject({ id: 'c' })
  })

  it('is fed by one look for all of its subscribers', async () => {
    const streams = await Promise.all(Array.from({ length: 50 }, () => now.changes.follow(null, everybody)))
    const next = streams.map((stream) => stream.next())
    now.change('a', 1)
    for (const each of await Promise.all(next)) expect(each.value).toMatchObject({ id: 'a', state: 1 })
    expect(now.reads).toEqual([['a']])
  })

  it('shows what changes 1,000 times while nobody reads once, as it is then', async () => {
    const stream = await now.changes.follow(null, everybody)
    const shown: Thing[] = []
    for (let state = 1; state <= 1_000; state++) {
      now.change('a', state)
      if (state % 100 === 0) await vi.waitFor(() => expect(now.reads.length).toBeGreaterThan(0))
    }
    now.change('b', 1)
    const reading = readAll(stream, shown)
    await vi.waitFor(() => expect(shown.at(-1)).toMatchObject({ id: 'b' }))
    const states = shown.filter(({ id }) => id === 'a').map(({ state }) => state)
    expect(states.at(-1)).toBe(1_000)
    expect(states.length).toBeLessThan(5)
    await stream.return?.()
    await reading
  })

  it('shows all of very many things to a reader who comes back late, without keeping them', async () => {
    const stream = await now.changes.follow(null, everybody)
    for (let number = 0; number < 12_000; number++) now.change(`t${String(number).padStart(5, '0')}`, 1)
    await vi.waitFor(() => expect(now.reads.flat().length).toBeGreaterThanOrEqual(12_000), 10_000)
    const shown: Thing[] = []
    const reading = readAll(stream, shown)
    await vi.waitFor(() => expect(new Set(shown.map(({ id }) => id)).size).toBe(12_000), 10_000)
    await stream.return?.()
    await reading
  })

  it('shows a deletion once, and ends with it where it is of one thing', async () => {
    const [one, all] = [await now.changes.follow('a', everybody), await now.changes.follow(null, everybody)]
    const shown: Thing[] = []
    const reading = readAll(all, shown)
    now.change('a', 1, { deletedAt: new Date() })
    expect(await readAll(one)).toMatchObject([{ id: 'a', deletedAt: expect.any(Date) }])
    await vi.waitFor(() => expect(shown).toHaveLength(1))
    now.change('a', 2, { deletedAt: new Date() })
    now.change('b', 1)
    await vi.waitFor(() => expect(shown.at(-1)).toMatchObject({ id: 'b' }))
    expect(shown).toHaveLength(2)
    await all.return?.()
    await reading
  })

  it('of one thing ends when that is gone without a trace', async () => {
    const one = await now.changes.follow('a', everybody)
    now.change('a', 1)
    expect((await one.next()).value).toMatchObject({ id: 'a' })
    now.things.delete('a')
    now.bus.publish('jobs', 'a')
    expect(await readAll(one)).toEqual([])
  })

  it('shows what was missed while the bus was away, and of one thing how it is, changed or not', async () => {
    now.set('quiet', 1, { at: 0 })
    now.set('old', 1, { at: 0 })
    const [one, all] = [await now.changes.follow('quiet', everybody), await now.changes.follow(null, everybody)]
    const shown: Thing[] = []
    const reading = readAll(all, shown)
    for (let number = 0; number < 500; number++) now.set(`missed${number}`, 1)
    now.bus.publishAll()
    expect((await one.next()).value).toMatchObject({ id: 'quiet', state: 1 })
    const missed = () => shown.filter(({ id }) => id.startsWith('missed'))
    await vi.waitFor(() => expect(missed()).toHaveLength(500))
    expect(shown.filter(({ id }) => id === 'old')).toEqual([])
    await all.return?.()
    await reading
  })

  it('is let go at once while it waits, and reads nothing when nobody is left', async () => {
    const streams = [await now.changes.follow('a', everybody), await now.changes.follow(null, everybody)]
    const next = streams.map((stream) => stream.next())
    for (const stream of streams) await stream.return?.()
    for (const each of await Promise.all(next)) expect(each.done).toBe(true)
    expect(now.changes.subscriberCount()).toBe(0)
    now.change('a', 1)
    now.bus.publishAll()
    expect(now.reads).toEqual([])
  })

  it('goes on when the database is back', async () => {
    let failures = 2
    const away = () => Promise.reject(Object.assign(new Error('gone'), { code: 'ECONNREFUSED' }))
    const { read } = {
      read: async (ids: readonly string[]) => ids.map((id) => ({ id, deletedAt: null, state: 1, owner: 'x' })),
    }
    const faulty = world({ read: (ids) => (failures-- > 0 ? away() : read(ids)) })
    const stream = await faulty.changes.follow(null, everybody)
    faulty.bus.publish('jobs', 'a')
    expect((await stream.next()).value).toMatchObject({ id: 'a' })
    await faulty.changes.close()
    expect(await stream.next()).toMatchObject({ done: true })
  })

  it('ends when the node stops, also for those who come too late', async () => {
    const early = (await now.changes.follow(null, everybody)).next()
    await now.changes.close()
    expect((await early).done).toBe(true)
    expect((await (await now.changes.follow(null, everybody)).next()).done).toBe(true)
  })
})

describe('what runs change', () => {
  it('is told by their log from the moment on when the first comes, and no more when the last has left', async () => {
    const follows: { after: number; stopped: boolean; changed: (id: string, position: number) => void }[] = []
    const eventful = world({
      events: {
        now: async () => 7,
        follow(after, changed) {
          const follow = { after, changed, stopped: false }
          follows.push(follow)
          return () => {
            follow.stopped = true
          }
        },
      },
    })
    eventful.set('a', 3)
    const streams = [await eventful.changes.follow(null, everybody), await eventful.changes.follow('a', everybody)]
    expect(follows).toMatchObject([{ after: 7, stopped: false }])
    follows[0]?.changed('a', 8)
    for (const stream of streams) {
      expect((await stream.next()).value).toMatchObject({ id: 'a', state: 3 })
      await stream.return?.()
    }
    await vi.waitFor(() => expect(follows[0]?.stopped).toBe(true))
    await eventful.changes.close()
  })

  it('is not told to somebody for whom the log cannot be read', async () => {
    const broken = world({ events: { now: () => Promise.reject(new Error('no log')), follow: () => () => {} } })
    await expect(broken.changes.follow(null, everybody)).rejects.toThrow('no log')
    expect(broken.changes.subscriberCount()).toBe(0)
    await broken.changes.close()
  })
})
