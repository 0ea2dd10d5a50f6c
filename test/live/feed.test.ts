import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { inTransaction, type Sql, sqlOn } from '../../src/db/sql.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { newId } from '../../src/kernel/ids.ts'
import { notifySql } from '../../src/live/events.ts'
import { createFeed } from '../../src/live/feed.ts'
import type { FeedEvent, FeedFilter, LogReader } from '../../src/live/log-reader.ts'
import { createWorld, log, type World } from '../engine/world.ts'
import { deferred } from '../support/receiver.ts'

let world: World
let jobId: string
beforeAll(async () => {
  world = await createWorld()
  jobId = await world.job()
})
afterEach(async () => {
  expect(world.feed.subscriberCount()).toBe(0)
  await world.sql('delete from run_event')
})
afterAll(() => world.close())

const INSERT = `
with written as (
  insert into run_event (run_id, job_id, seq, kind)
  select $1::uuid, $2::uuid, $3::int + n, $4::run_event_kind from generate_series(0, $5::int - 1) n returning position::float8)
select position from written cross join (select ${notifySql('events')}) told`

/** Writes events of a run, and answers their positions. */
async function write(sql: Sql, { runId = newId(), seq = 1, kind = 'STARTED', count = 1 } = {}): Promise<number[]> {
  const rows = await sql<{ position: number }>(INSERT, [runId, jobId, seq, kind, count])
  return rows.map(({ position }) => position)
}

/** Reads so many events, and leaves. */
async function take(events: AsyncIterableIterator<FeedEvent>, count: number): Promise<FeedEvent[]> {
  const seen: FeedEvent[] = []
  for await (const event of events) if (seen.push(event) === count) break
  return seen
}
/** Reads a stream to its end. */
const readAll = (events: AsyncIterableIterator<FeedEvent>) => take(events, Number.POSITIVE_INFINITY)
const positions = (events: FeedEvent[]) => events.map(({ position }) => position)
const all = () => world.feed.follow({}, 0)

/** A feed that begins now; its database is what the test says. */
const feedOn = (reader: Partial<LogReader> = {}) =>
  createFeed({ reader: { ...world.reader, ...reader }, bus: world.bus, clock: systemClock, log })

/** A connection of our own with a transaction that has written; `end` ends it. */
async function openTransaction(application_name = 'runsheet slow') {
  const client = new pg.Client({ ...world.database.connection, application_name })
  await client.connect()
  await client.query('begin')
  await client.query('create temporary table written (n int) on commit drop')
  return {
    sql: sqlOn(client),
    async end(how: 'commit' | 'rollback') {
      await client.query(how)
      await world.sql(`select ${notifySql('events')}`)
      await client.end()
    },
  }
}

describe('a stream of all runs', () => {
  it('loses nothing, repeats nothing and keeps the order, though commits are late and some never come', async () => {
    const foreigner = await openTransaction('somebody else')
    const written: number[] = []
    const writer = async (number: number) => {
      const runId = newId()
      let seq = 1
      for (let round = 0; round < 20; round++) {
        const count = 1 + ((number + round) % 4)
        const rollsBack = (number + round) % 9 === 0
        await inTransaction(world.pool, async (sql) => {
          const drawn = [
            ...(await write(sql, { runId, seq, count })),
            ...(await write(sql, { runId, seq: seq + count })),
          ]
          if (round % 3 === 0) await sleep((round + number) % 12)
          if (rollsBack) throw new Error('on purpose')
          written.push(...drawn)
        }).catch((error) => {
          if (error.message !== 'on purpose') throw error
        })
        seq += count + 1
      }
    }
    const early = all()
    const started = early.next()
    const writing = Promise.all([1, 2, 3, 4, 5, 6].map(writer))
    const first = (await started).value as FeedEvent
    const late = world.feed.follow({}, first.position)
    await writing
    const [rest, others] = await Promise.all([early, late].map((events) => take(events, written.length - 1)))
    await foreigner.end('rollback')
    const expected = written.sort((a, b) => a - b)
    expect(positions([first, ...(rest ?? [])])).toEqual(expected)
    expect(positions(others ?? [])).toEqual(expected.slice(1))
  })

  it('from now on has nothing of what is past', async () => {
    await write(world.sql, { count: 3 })
    const events = world.feed.follow({}, null)
    const next = events.next()
    // Its own look is over when a stream that began later has its first event.
    await take(all(), 3)
    const [position = 0] = await write(world.sql)
    expect((await next).value).toMatchObject({ position })
    await events.return?.()
  })

  it('goes back to the log when its reader is slower than the events, and misses none', async () => {
    const slow = all()
    const runId = newId()
    const [first = 0] = await write(world.sql, { runId })
    expect((await slow.next()).value).toMatchObject({ position: first })
    const quick = take(world.feed.follow({}, first), 3_000)
    for (let part = 0; part < 3; part++) await write(world.sql, { runId, seq: 2 + part * 1_000, count: 1_000 })
    const expected = positions(await quick)
    expect(positions(await take(slow, 3_000))).toEqual(expected)
  })

  it('has what a transaction of ours adds that was open when the reader began, however much came after', async () => {
    const slow = await openTransaction()
    const [position = 0] = await write(slow.sql)
    await write(world.sql, { count: 2_500 })
    const feed = feedOn()
    const events = feed.follow({}, 0)
    const next = events.next()
    // Somebody is served meanwhile: the reader has begun.
    const runId = newId()
    const ofRun = feed.follow({ runId }, 0)
    const served = ofRun.next()
    await write(world.sql, { runId })
    await served
    await ofRun.return?.()
    await slow.end('commit')
    expect((await next).value).toMatchObject({ position })
    expect(await take(events, 2_501)).toHaveLength(2_501)
    await feed.close()
  })

  it('waits at what is not committed yet, while the stream of one run does not', async () => {
    const anchor = all()
    await write(world.sql)
    await anchor.next()
    const slow = await openTransaction()
    const [held = 0] = await write(slow.sql)
    const runId = newId()
    const one = world.feed.follow({ runId }, 0)
    const ofRun = one.next()
    const [behind = 0] = await write(world.sql, { runId })
    expect((await ofRun).value).toMatchObject({ position: behind })
    const next = anchor.next()
    await slow.end('commit')
    expect((await next).value).toMatchObject({ position: held })
    expect((await anchor.next()).value).toMatchObject({ position: behind })
    await anchor.return?.()
    await one.return?.()
  })
})

describe('a stream of one run', () => {
  const runOf = async (kinds: string[]) => {
    const runId = newId()
    for (const [index, kind] of kinds.entries()) await write(world.sql, { runId, seq: index + 1, kind })
    return runId
  }
  const kindsOf = async (runId: string, after: number | null) =>
    (await readAll(world.feed.follow({ runId }, after))).map(({ kind }) => kind)

  it('ends after the terminal event, also for those who come later, and with a cursor at or behind it', async () => {
    const runId = await runOf(['QUEUED', 'STARTED'])
    const watching = kindsOf(runId, 0)
    const [end = 0] = await write(world.sql, { runId, seq: 3, kind: 'FAILED' })
    expect(await watching).toEqual(['QUEUED', 'STARTED', 'FAILED'])
    expect(await kindsOf(runId, 0)).toEqual(['QUEUED', 'STARTED', 'FAILED'])
    expect(await kindsOf(runId, end - 1)).toEqual(['FAILED'])
    for (const after of [end, end + 100, null]) expect(await kindsOf(runId, after)).toEqual([])
  })

  it('from now on has an event that was under way at a position below the end of the log', async () => {
    const runId = await runOf(['QUEUED'])
    const slow = await openTransaction()
    await write(slow.sql, { runId, seq: 2, kind: 'SUCCEEDED' })
    await runOf(['QUEUED'])
    const began = deferred()
    const lastOf: LogReader['lastOf'] = async (filter) => {
      const last = await world.reader.lastOf(filter)
      began.resolve()
      return last
    }
    const feed = feedOn({ lastOf })
    const ahead = feed.follow({ runId }, null)
    const next = ahead.next()
    await began.promise
    await slow.end('commit')
    expect((await next).value).toMatchObject({ runId, kind: 'SUCCEEDED' })
    expect(await ahead.next()).toMatchObject({ done: true })
    await feed.close()
  })

  it('of a run with many events comes whole', async () => {
    const runId = newId()
    await write(world.sql, { runId, count: 1_200 })
    await write(world.sql, { runId, seq: 1_201, kind: 'SUCCEEDED' })
    expect(await kindsOf(runId, 0)).toHaveLength(1_201)
  })
})

describe('a subscriber', () => {
  const filters: FeedFilter[] = [{}, { runId: newId() }, { principals: [newId()] }]

  it('that leaves while it waits for an event is let go at once', async () => {
    const waiting = filters.map((filter) => world.feed.follow(filter, null))
    const next = waiting.map((events) => events.next())
    // All have looked by the time when one that came later is served.
    await write(world.sql, { runId: newId() })
    await take(all(), 1)
    await take(world.feed.follow({}, 0), 1)
    for (const events of waiting) await events.return?.()
    for (const each of next.slice(1)) expect(await each).toMatchObject({ done: true })
    expect(world.feed.subscriberCount()).toBe(0)
  })

  it('that never began to read can leave', async () => {
    for (const filter of filters) expect(await world.feed.follow(filter, 0).return?.()).toMatchObject({ done: true })
  })

  const unreachable = () => Promise.reject(Object.assign(new Error('gone'), { code: 'ECONNREFUSED' }))

  it('that leaves while the database does not answer is let go at once', async () => {
    const never = new Promise<never>(() => {})
    for (const settled of [() => never, unreachable]) {
      const feed = feedOn({ settled })
      const events = feed.follow({}, null)
      const next = events.next()
      await events.return?.()
      expect(await next).toMatchObject({ done: true })
      expect(feed.subscriberCount()).toBe(0)
    }
  })

  it('is served once the database is back', async () => {
    const runId = newId()
    await write(world.sql, { runId, kind: 'SUCCEEDED' })
    let failures = 3
    const page: LogReader['page'] = (...args) => (failures-- > 0 ? unreachable() : world.reader.page(...args))
    for (const filter of [{}, { runId }]) {
      failures = 3
      const feed = feedOn({ page })
      expect(await take(feed.follow(filter, 0), 1)).toMatchObject([{ runId }])
      await feed.close()
    }
  })

  it('is told of any other fault, and leaves nothing behind', async () => {
    const page = () => Promise.reject(new Error('no such column'))
    const feed = feedOn({ page })
    await expect(feed.follow({ runId: newId() }, 0).next()).rejects.toThrow('no such column')
    expect(feed.subscriberCount()).toBe(0)
    await feed.close()
  })

  it('comes to its end when the feed is closed, whether it waits for events, for its turn or comes too late', async () => {
    const feed = feedOn()
    const early = filters.map((filter) => feed.follow(filter, null).next())
    await feed.close()
    const late = filters.map((filter) => feed.follow(filter, null).next())
    for (const next of [...early, ...late]) expect(await next).toMatchObject({ done: true })
    expect(feed.subscriberCount()).toBe(0)
  })
})
