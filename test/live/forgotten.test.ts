/** Streams over a log of which the beginning was forgotten: never a silent gap. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/kernel/clock.ts'
import { CursorExpiredError } from '../../src/kernel/errors.ts'
import { newId } from '../../src/kernel/ids.ts'
import { createFeed } from '../../src/live/feed.ts'
import type { FeedEvent, FeedFilter } from '../../src/live/log-reader.ts'
import { createWorld, log, type World } from '../engine/world.ts'
import { addOldRuns, floorOf, forgetOldRuns } from '../runs/history.ts'

let world: World
let jobId: string
beforeAll(async () => {
  world = await createWorld()
  jobId = await world.job()
})
afterEach(async () => {
  expect(world.feed.subscriberCount()).toBe(0)
  await world.sql('delete from run')
  await world.sql('delete from run_event')
})
afterAll(() => world.close())

const add = (options?: Parameters<typeof addOldRuns>[2]) => addOldRuns(world.sql, jobId, options)
const forget = () => forgetOldRuns(world.pool)
/** Events of young runs: two a run. */
const addYoung = (runs: number) => add({ count: runs, queued: 1 })
const follow = (after: number | null, filter: FeedFilter = {}) => world.feed.follow(filter, after)

async function take(events: AsyncIterableIterator<FeedEvent>, count: number): Promise<number[]> {
  const seen: number[] = []
  while (seen.length < count) {
    const { value, done } = await events.next()
    if (done) break
    seen.push(value.position)
  }
  return seen
}

async function positionsOf(runIds: string[]): Promise<number[]> {
  const rows = await world.sql<{ position: number }>(
    'select position::float8 as position from run_event where run_id = any($1::uuid[]) order by position',
    [runIds],
  )
  return rows.map(({ position }) => position)
}

/** What ends the stream, with the oldest cursor that still works. */
async function expiryOf(events: AsyncIterableIterator<FeedEvent>): Promise<string> {
  const error = await take(events, Number.POSITIVE_INFINITY).catch((reason) => reason)
  if (!(error instanceof CursorExpiredError)) throw error
  return error.oldestCursor
}

describe('a stream over many runs', () => {
  const filters = () => [{}, { jobId }, { principals: [world.alice.principalId] }, { jobId: newId() }]

  it('with a cursor from before what was forgotten ends with the oldest that still works, which does', async () => {
    const old = await positionsOf(await add({ count: 3 }))
    const young = await positionsOf(await addYoung(2))
    await forget()
    for (const filter of filters()) {
      for (const cursor of [1, ...old.slice(0, -1)]) {
        expect(await expiryOf(follow(cursor, filter))).toBe(String(old.at(-1)))
      }
    }
    for (const cursor of [old.at(-1) ?? 0, 0]) {
      const events = follow(cursor)
      expect(await take(events, 4)).toEqual(young)
      await events.return?.()
    }
  })

  it('from the start of what is kept has what is older than the floor and was kept', async () => {
    const kept = await positionsOf(await add({ queued: 100, finished: 1 }))
    await add({ count: 3 })
    const young = await positionsOf(await addYoung(1))
    await forget()
    expect(Math.min(...kept)).toBeLessThan(await floorOf(world.sql))
    const events = follow(0)
    expect(await take(events, 4)).toEqual([...kept, ...young])
    await events.return?.()
  })

  it('from now on misses nothing, though nothing is left of the log', async () => {
    await add({ count: 600 })
    await forget()
    const events = follow(null)
    let first: number[] = []
    const taken = take(events, 2).then((positions) => {
      first = positions
    })
    // When it has begun is nobody's to see.
    await expect.poll(async () => (await addYoung(1)) && first.length, { timeout: 10_000 }).toBe(2)
    await taken
    const [next = 0] = await take(events, 1)
    expect([...first, next]).toEqual([0, 1, 2].map((n) => (first[0] ?? 0) + n))
    await events.return?.()
  })

  it.each([
    ['from the start', 0],
    ['behind its first event', 1],
  ])('%s ends where it has a gap when events are forgotten while its reader is in the past', async (_from, skipped) => {
    const old = await positionsOf(await add({ count: 600 }))
    const young = await positionsOf(await addYoung(1))
    const slow = follow(skipped === 0 ? 0 : (old[0] ?? 0))
    const seen = await take(slow, 100)
    await forget()
    // The rest of its page was read before.
    seen.push(...(await take(slow, 400)))
    expect(seen).toEqual(old.slice(skipped, skipped + 500))
    const oldest = await expiryOf(slow)
    const resumed = follow(Number(oldest))
    expect(await take(resumed, 2)).toEqual(young)
    await resumed.return?.()
  })

  it('that has had all there was goes on, whatever is forgotten', async () => {
    const other = await world.job()
    const events = follow(0, { jobId: other })
    await addOldRuns(world.sql, other, { queued: 1 })
    await take(events, 2)
    const old = await positionsOf(await add({ count: 3 }))
    await forget()
    expect(await floorOf(world.sql)).toBe(old.at(-1))
    const young = await positionsOf(await addOldRuns(world.sql, other, { queued: 1 }))
    expect(await take(events, 2)).toEqual(young)
    await events.return?.()
  })
})

describe('a stream of one run', () => {
  it('is whole with any cursor, whatever was forgotten of others', async () => {
    await add({ count: 3 })
    const [kept = ''] = await add({ queued: 100, finished: 1 })
    await add({ count: 3 })
    await forget()
    const positions = await positionsOf([kept])
    expect(await floorOf(world.sql)).toBeGreaterThan(positions[1] ?? 0)
    expect(await take(follow(0, { runId: kept }), 3)).toEqual(positions)
    expect(await take(follow(positions[0] ?? 0, { runId: kept }), 3)).toEqual(positions.slice(1))
  })

  it('ends with the same error when its run is forgotten in the middle', async () => {
    const [runId = ''] = await add()
    await world.sql(
      `insert into run_event (run_id, job_id, seq, kind) select $1::uuid, $2::uuid, n, 'STARTED' from generate_series(3, 900) n`,
      [runId, jobId],
    )
    await world.sql(`update run_event set kind = 'STARTED' where run_id = $1::uuid and seq = 2`, [runId])
    const slow = follow(0, { runId })
    await take(slow, 10)
    await forget()
    expect(await take(slow, 490)).toHaveLength(490)
    expect(await expiryOf(slow)).toBe(String(await floorOf(world.sql)))
  })
})

it('a reader that begins where all was forgotten does not look for what it may have been', async () => {
  await world.sql(`select setval('run_event_position_seq', 100000000)`)
  await world.sql('update log_floor set position = 100000000')
  const feed = createFeed({ reader: world.reader, bus: world.bus, clock: systemClock, log })
  const events = feed.follow({}, 0)
  const young = await positionsOf(await addYoung(1))
  expect(await take(events, 2)).toEqual(young)
  await feed.close()
})
