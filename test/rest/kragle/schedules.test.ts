/** Schedules of Kragle: anybody reads and uses them, whoever made one changes it while no job uses it. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { issueToken, makeJob, makeStack, type Person, query, signUp } from '../../support/people.ts'
import { type RestOptions, rest } from '../../support/rest.ts'
import { done, refusal } from './client.ts'

let app: TestApp
let ann: Person
let bob: Person
let database: pg.Client

beforeAll(async () => {
  app = await createTestApp({ DEFAULT_TIMEZONE: 'Europe/Berlin' })
  database = new pg.Client(app.databaseUrl)
  await database.connect()
  ann = await signUp(app, 'ann')
  bob = await signUp(app, 'bob')
})
afterAll(async () => {
  await database?.end()
  await app?.stop()
})

const send = (route: string, body?: unknown, token: string | null = ann.token) => done(app, route, { token, body })

async function refused(route: string, options: RestOptions = {}) {
  const { status, code } = await refusal(app, database, route, { token: ann.token, ...options })
  return [status, code]
}

const make = async (body: object): Promise<number> => (await send('POST /schedules', body)).id

async function stackOf(token: string): Promise<number> {
  const { id } = await makeStack(app, token)
  const sql = 'select number from stack where id = $1::uuid'
  const [row] = await query<{ number: number }>(database, sql, [id.replace('stk_', '')])
  return row?.number ?? 0
}

describe('a schedule', () => {
  it.each([
    [{ config: { period: 60 } }, { name: null, once: false, config: { period: 60 } }],
    [
      { config: { period: 90 }, once: true, name: ' hourly ' },
      { name: 'hourly', once: true, config: { period: 90 } },
    ],
    [
      { config: { period: 31_622_400 }, once: false, name: '' },
      { name: null, once: false, config: { period: 31_622_400 } },
    ],
    [{ config: { timestamp: 4_000_000_000 } }, { name: null, once: true, config: { timestamp: 4_000_000_000 } }],
    [
      { config: { timestamp: 0 }, once: true },
      { name: null, once: true, config: { timestamp: 0 } },
    ],
    [
      { config: { cron: '0 9 * * MON-FRI' }, name: null },
      { name: null, once: false, config: { cron: '0 9 * * MON-FRI', timezone: 'Europe/Berlin' } },
    ],
    [
      { config: { cron: '*/5 * * * *', timezone: 'utc' }, once: false },
      { name: null, once: false, config: { cron: '*/5 * * * *', timezone: 'UTC' } },
    ],
  ])('is made of %j, and anybody reads it', async (body, shown) => {
    const made = await send('POST /schedules', body)
    expect(made).toEqual({ id: expect.any(Number) })
    for (const path of [made.id, `byid/${made.id}`]) {
      for (const base of ['', '/api/v1']) {
        const read = await send(`GET ${base}/schedules/${path}`, undefined, null)
        expect(read).toEqual({ id: made.id, ...shown })
        expect(Object.keys(read)).toEqual(['id', 'name', 'once', 'config'])
      }
    }
  })

  const BAD = [
    {},
    { period: 59 },
    { period: 0 },
    { period: 60.5 },
    { period: '60' },
    { period: 31_622_401 },
    { period: null },
    { period: 60, timestamp: 4_000_000_000 },
    { period: 60, timezone: 'UTC' },
    { period: 60, colour: 'red' },
    { timestamp: -1 },
    { timestamp: 1.5 },
    { timestamp: 1e15 },
    { timestamp: 253_402_300_800 },
    { timestamp: '2026-01-01' },
    { cron: '' },
    { cron: 'every day' },
    { cron: '61 * * * *' },
    { cron: '0 0 31 2 *' },
    { cron: 5 },
    { cron: '* * * * *', timezone: 'Mars/Olympus' },
    { cron: '* * * * *', timezone: 1 },
    { timezone: 'UTC' },
  ]

  it.each([
    ...BAD.map((config) => ({ config })),
    { config: { timestamp: 4_000_000_000 }, once: false },
    { config: { cron: '0 0 * * *' }, once: true },
  ])('is not made or changed by a config that cannot be: %j', async (body) => {
    expect(await refused('POST /schedules', { body })).toEqual([500, 26])
    const id = await make({ config: { period: 77 }, name: 'kept' })
    expect(await refused(`PUT /schedules/${id}`, { body })).toEqual([500, 26])
    expect(await send(`GET /schedules/${id}`)).toEqual({ id, name: 'kept', once: false, config: { period: 77 } })
  })

  it.each([
    {},
    { name: 'x' },
    { config: null },
    { config: 60 },
    { config: { period: 60 }, once: 'yes' },
    { config: { period: 60 }, name: 5 },
    { config: { period: 60 }, name: 'x'.repeat(201) },
    { config: { period: 60 }, name: 'a\0b' },
    { config: { period: 60 }, id: 5 },
  ])('is not made of %j', async (body) => {
    expect(await refused('POST /schedules', { body })).toEqual([500, 4])
  })

  it('is changed in what is said, and shown whole', async () => {
    const id = await make({ config: { period: 60 }, name: 'one' })
    const put = (body: object) => send(`PUT /schedules/${id}`, body)
    expect(await put({})).toEqual({ id, name: 'one', once: false, config: { period: 60 } })
    expect(await put({ once: true })).toEqual({ id, name: 'one', once: true, config: { period: 60 } })
    expect(await put({ config: { period: 120 } })).toEqual({ id, name: 'one', once: true, config: { period: 120 } })
    const timestamp = 4_000_000_000
    expect(await put({ config: { timestamp } })).toEqual({ id, name: 'one', once: true, config: { timestamp } })
    expect(await refused(`PUT /schedules/${id}`, { body: { once: false } })).toEqual([500, 26])
    expect(await put({ name: 'two' })).toEqual({ id, name: 'two', once: true, config: { timestamp } })
    expect(await put({ config: { period: 60 } })).toEqual({ id, name: 'two', once: false, config: { period: 60 } })
    const config = { cron: '0 0 * * *', timezone: 'UTC' }
    expect(await put({ config, name: null })).toEqual({ id, name: null, once: false, config })
    expect(await send(`GET /schedules/${id}`)).toEqual({ id, name: null, once: false, config })
  })

  it('is changed by its owner only, with a token that may', async () => {
    const id = await make({ config: { period: 60 } })
    const { token: reader } = await issueToken(app, ann.token, { scopes: ['jobs:read'] })
    for (const token of [bob.token, reader, null]) {
      expect(await refused(`PUT /schedules/${id}`, { token, body: { name: 'mine' } })).toEqual([403, 3])
    }
    for (const token of [reader, null]) {
      expect(await refused('POST /schedules', { token, body: { config: { period: 60 } } })).toEqual([403, 3])
    }
    expect((await send(`GET /schedules/${id}`)).name).toBeNull()
    expect(await refused('PUT /schedules/2000000000', { body: {} })).toEqual([500, 6])
  })

  it('stays as it is while jobs of anybody use it', async () => {
    const id = await make({ config: { period: 60 } })
    const { id: job } = await send('POST /jobs', { schedule_id: id, stack_id: await stackOf(bob.token) }, bob.token)
    for (const body of [{ config: { period: 90 } }, { name: 'x' }, {}]) {
      expect(await refused(`PUT /schedules/${id}`, { body })).toEqual([500, 27])
    }
    await send(`DELETE /jobs/${job}`, undefined, bob.token)
    expect((await send(`PUT /schedules/${id}`, { config: { period: 90 } })).config).toEqual({ period: 90 })
  })

  it('is changed before a job takes it or not at all, when both happen at once', async () => {
    const stack_id = await stackOf(ann.token)
    for (let round = 0; round < 10; round++) {
      const id = await make({ config: { period: 600 } })
      const [changed, made] = await Promise.all([
        rest(app, `PUT /schedules/${id}`, { token: ann.token, body: { config: { period: 86_400 } } }),
        rest(app, 'POST /jobs', { token: ann.token, body: { schedule_id: id, stack_id, enabled: true } }),
      ])
      expect(made.status).toBe(200)
      expect([200, 500]).toContain(changed.status)
      if (changed.status === 500) expect(changed.body.code).toBe(27)
      const { next_run } = await send(`GET /jobs/${made.body.id}`)
      const { config } = await send(`GET /schedules/${id}`)
      expect(config.period).toBe(changed.status === 200 ? 86_400 : 600)
      expect(Math.abs(next_run - Date.now() / 1000 - config.period)).toBeLessThan(60)
    }
  })

  it('of a job that another API made is nobody’s to see', async () => {
    await makeJob(app, ann.token, { schedule: { every: { seconds: 60 } } })
    const [{ number = 0 } = {}] = await query<{ number: number }>(
      database,
      'select number from schedule where not shared order by number desc limit 1',
    )
    expect(number).toBeGreaterThan(0)
    for (const token of [ann.token, null]) {
      expect(await refused(`GET /schedules/${number}`, { token })).toEqual([500, 6])
      expect(await refused(`GET /schedules/byid/${number}`, { token })).toEqual([500, 6])
    }
    expect(await refused(`PUT /schedules/${number}`, { body: {} })).toEqual([500, 6])
  })
})

it('all schedules are listed to anybody in pages of ten, the oldest first', async () => {
  while ((await send('GET /schedules', undefined, null)).count < 21) await make({ config: { period: 60 } })
  const numbers = await query<{ number: number }>(database, 'select number from schedule where shared order by number')
  const all = numbers.map(({ number }) => number)
  const ids = async (path: string) => {
    const { schedules, ...rest } = await send(`GET ${path}`, undefined, null)
    return { ...rest, ids: schedules.map(({ id }: { id: number }) => id) }
  }
  const count = all.length
  expect(await ids('/schedules')).toEqual({ count, pagesize: 10, page: 1, ids: all.slice(0, 10) })
  expect(await ids('/api/v1/schedules?page=2')).toEqual({ count, pagesize: 10, page: 2, ids: all.slice(10, 20) })
  expect(await ids('/schedules?page=1000')).toEqual({ count, pagesize: 10, page: 1000, ids: [] })
  const [first] = (await send('GET /schedules', undefined, null)).schedules
  expect(first).toEqual(await send(`GET /schedules/${first.id}`, undefined, null))
})
