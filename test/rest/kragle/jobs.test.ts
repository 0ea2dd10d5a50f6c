/** Jobs of Kragle: made, read, changed, and deleted in place of a run. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { issueToken, makeJob, makeStack, makeTeam, type Person, query, signUp } from '../../support/people.ts'
import { startReceiver } from '../../support/receiver.ts'
import { type RestOptions, rest } from '../../support/rest.ts'
import { costOf, withStatements } from '../../support/statements.ts'
import { done, refusal } from './client.ts'

let app: TestApp
let ann: Person
let bob: Person
let database: pg.Client

beforeAll(async () => {
  app = await createTestApp()
  database = new pg.Client(app.databaseUrl)
  await database.connect()
  ann = await signUp(app, 'ann')
  bob = await signUp(app, 'bob')
})
afterAll(async () => {
  await database?.end()
  await app?.stop()
})

const NOTHING = { status: 500, code: 6 }
const now = () => Math.floor(Date.now() / 1000)

const send = (route: string, body?: unknown, token = ann.token) => done(app, route, { token, body })

async function refused(route: string, options: RestOptions = {}) {
  const { status, code } = await refusal(app, database, route, { token: ann.token, ...options })
  return { status, code }
}

const schedule = async (config: object = { period: 60 }, more: object = {}, token = ann.token): Promise<number> =>
  (await send('POST /schedules', { config, ...more }, token)).id

async function stackOf(token: string, url?: string): Promise<number> {
  const { id } = await makeStack(app, token, { name: 'work', ...(url && { actions: [{ webhook: { url } }] }) })
  const [row] = await query<{ number: number }>(database, `select number from stack where id = $1::uuid`, [
    id.replace('stk_', ''),
  ])
  return row?.number ?? 0
}

/** A job of a schedule and a stack of its own. */
async function job(more: object = {}, config?: object, token = ann.token): Promise<number> {
  const [schedule_id, stack_id] = [await schedule(config, {}, token), await stackOf(token)]
  return (await send('POST /jobs', { schedule_id, stack_id, ...more }, token)).id
}

describe('a job', () => {
  it('is made, inactive and without a name where nothing else is said', async () => {
    const [schedule_id, stack_id] = [await schedule(), await stackOf(ann.token)]
    const made = await send('POST /jobs', { schedule_id, stack_id })
    expect(Object.keys(made)).toEqual(['id'])
    expect(await send(`GET /jobs/${made.id}`)).toEqual({
      ...{ id: made.id, name: null, stack: stack_id, schedule: schedule_id },
      ...{ next_run: null, do_run: false, do_del: false },
    })
  })

  it('is read by its id and by its name, digits being an id first', async () => {
    const id = await job({ name: 'a/b & 100%' })
    for (const path of [`${id}`, `byid/${id}`, 'a%2Fb%20%26%20100%25', 'byname/a%2Fb%20%26%20100%25']) {
      for (const base of ['', '/api/v1']) expect((await send(`GET ${base}/jobs/${path}`)).id, path).toBe(id)
    }
    const namedAsId = await job({ name: `${id}` })
    expect((await send(`GET /jobs/${id}`)).id).toBe(id)
    expect((await send(`GET /jobs/byname/${id}`)).id).toBe(namedAsId)
    const digits = await job({ name: '2147483647' })
    expect((await send('GET /jobs/2147483647')).id).toBe(digits)
    expect(await refused('GET /jobs/byid/2147483647')).toEqual(NOTHING)
    for (const name of ['byid', 'byname']) {
      const named = await job({ name })
      expect((await send(`GET /jobs/${name}`)).id).toBe(named)
      expect((await send(`GET /jobs/byname/${name}`)).id).toBe(named)
    }
  })

  it('has a name that no other job of its owner has, also if ten are made at once', async () => {
    const stack_id = await stackOf(ann.token)
    const schedules = await Promise.all(Array.from({ length: 10 }, () => schedule()))
    const answers = await Promise.all(
      schedules.map((schedule_id) =>
        rest(app, 'POST /jobs', { token: ann.token, body: { schedule_id, stack_id, name: 'only one' } }),
      ),
    )
    const codes = answers.map(({ status, body }) => (status === 200 ? 0 : body.code)).sort()
    expect(codes).toEqual([0, ...Array(9).fill(12)])
    const bobs = await job({ name: 'only one' }, undefined, bob.token)
    const other = await job()
    expect(await refused(`PUT /jobs/${other}`, { body: { name: 'only one' } })).toEqual({ status: 500, code: 12 })
    expect((await send('GET /jobs/byname/only%20one', undefined, bob.token)).id).toBe(bobs)
    const { id } = await send('GET /jobs/byname/only%20one')
    await send(`DELETE /jobs/${id}`)
    expect((await send(`PUT /jobs/${other}`, { name: 'only one' })).name).toBe('only one')
  })

  it('is the only one of its stack with its schedule', async () => {
    const [schedule_id, stack_id] = [await schedule(), await stackOf(ann.token)]
    const body = { schedule_id, stack_id }
    await send('POST /jobs', body)
    expect(await refused('POST /jobs', { body })).toEqual({ status: 500, code: 4 })
    const { id } = await send('POST /jobs', { schedule_id: await schedule(), stack_id })
    expect(await refused(`PUT /jobs/${id}`, { body: { schedule_id } })).toEqual({ status: 500, code: 4 })
    await send('POST /jobs', { schedule_id, stack_id: await stackOf(ann.token) })
  })

  it('takes schedules of anybody, and only stacks of its owner', async () => {
    const team = await makeTeam(app, 'crew', { ann: 'MEMBER' })
    const own = { schedule_id: await schedule({ period: 60 }, {}, bob.token), stack_id: await stackOf(ann.token) }
    const { id } = await send('POST /jobs', own)
    expect((await send(`GET /jobs/${id}`)).schedule).toBe(own.schedule_id)
    const stackOfBob = await stackOf(bob.token)
    const stackOfTeam = await stackOf(ann.token)
    const [{ number: scheduleOfJob = 0 } = {}] = await (async () => {
      const { id: hidden } = await makeJob(app, ann.token, { schedule: { every: { seconds: 60 } } })
      const sql = 'select s.number from schedule s join job j on j.schedule_id = s.id where j.id = $1::uuid'
      return query<{ number: number }>(database, sql, [hidden.replace('job_', '')])
    })()
    await query(
      database,
      'update stack set owner_id = (select id from principal where handle = $1) where number = $2',
      [...[team.handle, stackOfTeam]],
    )
    for (const body of [
      { ...own, stack_id: stackOfBob },
      { ...own, stack_id: stackOfTeam },
      { ...own, stack_id: 2_000_000_000 },
      { ...own, stack_id: 99_999_999_999 },
      { ...own, stack_id: -1 },
    ]) {
      expect(await refused('POST /jobs', { body })).toEqual({ status: 500, code: 24 })
      expect(await refused(`PUT /jobs/${id}`, { body: { stack_id: body.stack_id } })).toEqual({ status: 500, code: 24 })
    }
    for (const schedule_id of [scheduleOfJob, 2_000_000_000, 99_999_999_999, 0]) {
      expect(await refused('POST /jobs', { body: { ...own, schedule_id } })).toEqual({ status: 500, code: 25 })
      expect(await refused(`PUT /jobs/${id}`, { body: { schedule_id } })).toEqual({ status: 500, code: 25 })
    }
    expect(await send(`GET /jobs/${id}`)).toMatchObject({ schedule: own.schedule_id, stack: own.stack_id })
  })

  it.each([
    [{}],
    [{ schedule_id: 1 }],
    [{ stack_id: 1 }],
    [{ schedule_id: '1', stack_id: 1 }],
    [{ schedule_id: 1, stack_id: null }],
    [{ schedule_id: 1.5, stack_id: 1 }],
    [{ schedule_id: 1, stack_id: 1, enabled: 'yes' }],
    [{ schedule_id: 1, stack_id: 1, name: 7 }],
    [{ schedule_id: 1, stack_id: 1, colour: 'red' }],
  ])('is not made of %j', async (body) => {
    expect(await refused('POST /jobs', { body })).toEqual({ status: 500, code: 4 })
  })

  it('has a name that is short and that PostgreSQL can keep', async () => {
    const id = await job({ name: 'before' })
    for (const name of ['x'.repeat(201), 'a\0b', '\ud800']) {
      expect(await refused(`PUT /jobs/${id}`, { body: { name } })).toEqual({ status: 500, code: 4 })
    }
    expect((await send(`GET /jobs/${id}`)).name).toBe('before')
  })

  it('is changed in what is said, and shown whole', async () => {
    const [owner] = await query<{ number: number }>(database, `select number from principal where handle = 'ann'`)
    const id = await job({ name: 'first' })
    const before = await send(`GET /jobs/${id}`)
    expect(await send(`PUT /jobs/${id}`, {})).toEqual({ ...before, owner: owner?.number })
    const [schedule_id, stack_id] = [await schedule({ period: 3600 }), await stackOf(ann.token)]
    const changed = await send(`PUT /jobs/${id}`, { schedule_id, stack_id, name: 'second' })
    expect(changed).toEqual({ ...before, owner: owner?.number, name: 'second', schedule: schedule_id, stack: stack_id })
    expect(Object.keys(changed).sort()).toEqual(
      ['id', 'owner', 'name', 'stack', 'schedule', 'next_run', 'do_run', 'do_del'].sort(),
    )
    expect((await send(`PUT /jobs/${id}`, { name: null })).name).toBeNull()
    for (const body of [{ owner: 1 }, { next_run: 1 }, { enabled: null }, { schedule_id: null }, []]) {
      expect(await refused(`PUT /jobs/${id}`, { body })).toEqual({ status: 500, code: 4 })
    }
  })

  it('is nothing to others, to tokens without the scope, and to the other APIs', async () => {
    const id = await job({ name: 'mine', enabled: true })
    for (const route of [
      `GET /jobs/${id}`,
      `GET /jobs/byid/${id}`,
      'GET /jobs/mine',
      `PUT /jobs/${id}`,
      `DELETE /jobs/${id}`,
    ]) {
      const body = route.startsWith('PUT') ? { enabled: false } : undefined
      expect(await refused(route, { token: bob.token, body }), route).toEqual(NOTHING)
    }
    expect((await send('GET /jobs', undefined, bob.token)).jobs).not.toContainEqual(expect.objectContaining({ id }))
    const { token: reader } = await issueToken(app, ann.token, { scopes: ['jobs:read'] })
    const { token: writer } = await issueToken(app, ann.token, { scopes: ['jobs:write'] })
    const { stack, schedule: schedule_id } = await send(`GET /jobs/${id}`, undefined, reader)
    for (const [route, token, body] of [
      [`PUT /jobs/${id}`, reader, { enabled: false }],
      [`DELETE /jobs/${id}`, reader, undefined],
      ['POST /jobs', reader, { schedule_id, stack_id: stack }],
      ['POST /jobs', writer, { schedule_id, stack_id: stack }],
      ['GET /jobs', writer, undefined],
      [`GET /jobs/${id}`, writer, undefined],
      [`PUT /jobs/${id}`, writer, { enabled: false }],
    ] as const) {
      expect(await refused(route, { token, body }), route).toEqual({ status: 403, code: 3 })
    }
    expect(await send(`GET /jobs/${id}`)).toMatchObject({ do_run: true, do_del: false })
    const { id: uuid } = await makeJob(app, ann.token, { name: 'of GraphQL' })
    const [other] = await query<{ number: number }>(database, 'select number from job where id = $1::uuid', [
      uuid.replace('job_', ''),
    ])
    expect(await refused(`GET /jobs/${other?.number}`)).toEqual(NOTHING)
    expect(await refused(`DELETE /jobs/${other?.number}`)).toEqual(NOTHING)
    expect(await refused('GET /jobs/of%20GraphQL')).toEqual(NOTHING)
  })
})

describe('the next run of a job', () => {
  const between = (value: number, from: number, period: number) => {
    expect(value).toBeGreaterThanOrEqual(from + period - 1)
    expect(value).toBeLessThanOrEqual(now() + period + 1)
  }

  it('is a period after it is enabled, and none while it is not', async () => {
    const from = now()
    const id = await job({ enabled: true }, { period: 600 })
    between((await send(`GET /jobs/${id}`)).next_run, from, 600)
    expect(await send(`PUT /jobs/${id}`, { enabled: false })).toMatchObject({ do_run: false, next_run: null })
    await query(database, `update job set anchor = anchor - interval '100 s' where number = $1`, [id])
    const again = now()
    const enabled = await send(`PUT /jobs/${id}`, { enabled: true })
    between(enabled.next_run, again, 600)
    expect(await send(`PUT /jobs/${id}`, { enabled: true, name: 'renamed' })).toMatchObject({
      next_run: enabled.next_run,
    })
    between((await send(`PUT /jobs/${id}`, { schedule_id: await schedule({ period: 60 }) })).next_run, now(), 60)
  })

  it('is the instant of a timestamp; enabling it when that is past does nothing', async () => {
    const timestamp = now() + 86_400
    const id = await job({ enabled: true }, { timestamp })
    expect(await send(`GET /jobs/${id}`)).toMatchObject({ do_run: true, next_run: timestamp })
    const past = await schedule({ timestamp: now() - 60 })
    const late = { schedule_id: past, stack_id: await stackOf(ann.token), enabled: true }
    const { id: spent } = await send('POST /jobs', late)
    expect(await send(`GET /jobs/${spent}`)).toMatchObject({ do_run: false, next_run: null })
    expect(await send(`PUT /jobs/${spent}`, { enabled: true })).toMatchObject({ do_run: false, next_run: null })
    expect(await send(`PUT /jobs/${id}`, { schedule_id: past })).toMatchObject({ do_run: false, next_run: null })
  })

  it('is one period after it is enabled where it runs once', async () => {
    const schedule_id = await schedule({ period: 60 }, { once: true })
    const from = now()
    const { id } = await send('POST /jobs', { schedule_id, stack_id: await stackOf(ann.token), enabled: true })
    between((await send(`GET /jobs/${id}`)).next_run, from, 60)
  })

  it('is the next time of an expression', async () => {
    const id = await job({ enabled: true }, { cron: '0 0 1 1 *', timezone: 'UTC' })
    const { next_run } = await send(`GET /jobs/${id}`)
    expect(new Date(next_run * 1000).toISOString()).toMatch(/^\d{4}-01-01T00:00:00\.000Z$/)
  })

  it('comes once by a timestamp: the job runs, and disables itself', async () => {
    const receiver = await startReceiver()
    const schedule_id = await schedule({ timestamp: now() + 2 })
    const stack_id = await stackOf(ann.token, receiver.url)
    const { id } = await send('POST /jobs', { schedule_id, stack_id, enabled: true })
    await expect
      .poll(() => send(`GET /jobs/${id}`), { timeout: 15_000 })
      .toMatchObject({ do_run: false, next_run: null })
    expect(receiver.calls).toHaveLength(1)
    expect(await send(`PUT /jobs/${id}`, { enabled: true })).toMatchObject({ do_run: false, next_run: null })
    expect(await send(`DELETE /jobs/${id}`)).toEqual({ deleted: id })
  })
})

describe('deleting a job', () => {
  it('happens at once where no run is to come', async () => {
    const id = await job({ name: 'gone' })
    expect(await send(`DELETE /jobs/${id}`)).toEqual({ deleted: id })
    expect(await refused(`GET /jobs/${id}`)).toEqual(NOTHING)
    expect(await refused('GET /jobs/gone')).toEqual(NOTHING)
    expect(await refused(`DELETE /jobs/${id}`)).toEqual(NOTHING)
  })

  it('waits for its next run otherwise, until it is disabled', async () => {
    const id = await job({ enabled: true })
    for (let times = 0; times < 2; times++) {
      expect(await send(`DELETE /jobs/${id}`)).toEqual({ queued_for_deletion: id })
    }
    const { next_run } = await send(`GET /jobs/${id}`)
    expect(next_run).toBeGreaterThan(now())
    expect(await send(`PUT /jobs/${id}`, { name: 'still here' })).toMatchObject({
      next_run,
      do_run: true,
      do_del: true,
    })
    expect(await send(`PUT /jobs/${id}`, { enabled: false })).toMatchObject({
      do_run: false,
      do_del: true,
      next_run: null,
    })
    expect(await send(`DELETE /jobs/${id}`)).toEqual({ deleted: id })
    expect(await refused(`GET /jobs/${id}`)).toEqual(NOTHING)
  })

  it('comes in the place of that run', async () => {
    const receiver = await startReceiver()
    const schedule_id = await schedule({ timestamp: now() + 3 })
    const stack_id = await stackOf(ann.token, receiver.url)
    const { id } = await send('POST /jobs', { schedule_id, stack_id, enabled: true })
    expect(await send(`DELETE /jobs/${id}`)).toEqual({ queued_for_deletion: id })
    const ask = async () => (await rest(app, `GET /jobs/${id}`, { token: ann.token })).body.code
    await expect.poll(ask, { timeout: 15_000 }).toBe(6)
    const runs = 'select r.status, r.skip_reason from run r join job j on j.id = r.job_id where j.number = $1'
    expect(await query(database, runs, [id])).toEqual([{ status: 'SKIPPED', skip_reason: 'DELETED' }])
    expect(receiver.calls).toEqual([])
  })
})

describe('a new job', () => {
  it('is made by three statements: whose token it is, what it refers to, and one that writes it all', async () => {
    const bodies = [1, 2].map(async (n) => ({
      schedule_id: await schedule({ period: 60 * n }),
      stack_id: await stackOf(ann.token),
    }))
    const [first, second] = await Promise.all(bodies)
    await send('POST /jobs', first)
    const { statements } = await withStatements((headers) =>
      done(app, 'POST /jobs', { token: ann.token, body: second, headers }),
    )
    expect(costOf(statements)).toEqual({ statements: 3, writes: 1 })
  })

  it('that is refused harms none that is made at the same time', async () => {
    const stack_id = await stackOf(ann.token)
    const schedules = await Promise.all(Array.from({ length: 8 }, (_, n) => schedule({ period: 600 + 60 * n })))
    const answers = await Promise.all(
      schedules.map((schedule_id, n) => {
        const name = n % 2 ? 'the same' : `another ${n}`
        return rest(app, 'POST /jobs', { token: ann.token, body: { schedule_id, stack_id, name } })
      }),
    )
    const codes = answers.map(({ status, body }) => (status === 200 ? 'made' : body.code))
    expect(codes.filter((_, n) => n % 2 === 0)).toEqual(['made', 'made', 'made', 'made'])
    expect(codes.filter((_, n) => n % 2 === 1).toSorted()).toEqual([12, 12, 12, 'made'])
  })
})

describe('many jobs', () => {
  const counted = async (route: string, token: string, body?: unknown) => {
    const { answer, statements } = await withStatements((headers) => done(app, route, { token, body, headers }))
    return { body: answer, count: statements.length }
  }

  it('come in pages of ten, the oldest first, and each is made and listed by a constant number of statements', async () => {
    const { token } = await signUp(app, 'cas')
    expect(await send('GET /jobs', undefined, token)).toEqual({ count: 0, pagesize: 10, page: 1, jobs: [] })
    const made: number[] = []
    const costs: number[] = []
    const pages: number[] = []
    for (let n = 0; n < 21; n++) {
      const body = {
        schedule_id: await schedule({ period: 60 + n }, {}, token),
        stack_id: await stackOf(token),
        name: `job ${n}`,
      }
      const { body: answer, count } = await counted('POST /jobs', token, { ...body, enabled: n % 2 === 0 })
      made.push(answer.id)
      costs.push(count)
      if (n === 0 || n === 9) pages.push((await counted('GET /jobs', token)).count)
    }
    expect(new Set(costs.slice(1)).size).toBe(1)
    expect(costs.at(-1)).toBeLessThanOrEqual(20)
    expect(pages[1]).toBe(pages[0])
    expect(pages[0]).toBeLessThanOrEqual(8)
    const idsOf = ({ jobs }: { jobs: { id: number }[] }) => jobs.map(({ id }) => id)
    const first = await send('GET /jobs', undefined, token)
    expect(first).toMatchObject({ count: 21, pagesize: 10, page: 1 })
    expect(Object.keys(first)).toEqual(['count', 'pagesize', 'page', 'jobs'])
    expect(idsOf(first)).toEqual(made.slice(0, 10))
    expect(first.jobs[3]).toEqual(await send(`GET /jobs/${made[3]}`, undefined, token))
    expect(idsOf(await send('GET /api/v1/jobs?page=2', undefined, token))).toEqual(made.slice(10, 20))
    expect(idsOf(await send('GET /jobs?page=3', undefined, token))).toEqual(made.slice(20))
    expect(await send('GET /jobs?page=99999999', undefined, token)).toMatchObject({
      count: 21,
      page: 99_999_999,
      jobs: [],
    })
  })
})
