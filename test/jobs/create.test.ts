import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { POLICY_DEFAULTS } from '../../src/jobs/spec.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { NOWHERE, type Person, publishSite, query, signUp } from '../support/people.ts'
import { actions, jobOf } from './operations.ts'

let app: TestApp
let alice: Person
let api: ReturnType<typeof actions>

beforeAll(async () => {
  app = await createTestApp({ DEFAULT_TIMEZONE: 'Asia/Kolkata' })
  alice = await signUp(app, 'alice')
  api = actions(app, alice.token)
})
afterAll(() => app?.stop())

const create = async (input: object = {}) => jobOf(await api.create({ actions: [NOWHERE], ...input }))
const wallClock = (instant: unknown, timeZone: string) =>
  new Intl.DateTimeFormat('en-GB', { timeZone, weekday: 'short', hour: '2-digit', minute: '2-digit' }).format(
    new Date(String(instant)),
  )

describe('a job on a schedule', () => {
  it('fires by a cron expression on the wall clock of its zone', async () => {
    const cron = { expression: ' 30 9 * * MON-FRI ', timezone: 'america/new_york' }
    const job = await create({ schedule: { cron } })
    expect(job).toMatchObject({ trigger: 'SCHEDULE', eventType: null, enabled: true, surface: 'GRAPHQL', version: 1 })
    expect(job.schedule).toEqual({
      kind: 'CRON',
      expression: '30 9 * * MON-FRI',
      dialect: 'VIXIE',
      timezone: 'America/New_York',
      intervalSeconds: null,
      at: null,
    })
    expect(job.upcoming).toHaveLength(3)
    expect(job.upcoming[0]).toBe(job.nextRunAt)
    for (const slot of job.upcoming)
      expect(wallClock(slot, 'America/New_York')).toMatch(/^(Mon|Tue|Wed|Thu|Fri),? 09:30$/)
  })

  it('takes the server’s zone when none is named', async () => {
    const job = await create({ schedule: { cron: { expression: '0 12 * * *' } } })
    expect(job.schedule?.timezone).toBe('Asia/Kolkata')
    expect(wallClock(job.nextRunAt, 'Asia/Kolkata')).toContain('12:00')
  })

  it('reads QUARTZ, where Sunday is 1', async () => {
    const cron = { expression: '0 15 10 ? * 1L', dialect: 'QUARTZ' as const, timezone: 'UTC' }
    const job = await create({ schedule: { cron } })
    expect(job.schedule).toMatchObject({ dialect: 'QUARTZ', expression: '0 15 10 ? * 1L' })
    for (const slot of job.upcoming) {
      expect(wallClock(slot, 'UTC')).toMatch(/^Sun,? 10:15$/)
      expect(new Date(slot).getUTCDate()).toBeGreaterThan(31 - 7 - 3)
    }
  })

  it('fires at an interval, on a grid that begins when it is made', async () => {
    const before = Date.now()
    const job = await create({ schedule: { every: { seconds: 3600 } } })
    expect(job.schedule).toMatchObject({ kind: 'INTERVAL', intervalSeconds: 3600, expression: null, timezone: null })
    const slots = job.upcoming.map((slot) => new Date(slot).getTime())
    expect(slots[0]).toBeGreaterThanOrEqual(before + 3_600_000)
    expect(slots[0]).toBeLessThanOrEqual(Date.now() + 3_600_000)
    expect(slots.map((slot) => slot - (slots[0] ?? 0))).toEqual([0, 3_600_000, 7_200_000])
  })

  it('fires once, at an instant', async () => {
    const at = new Date(Date.now() + 86_400_000).toISOString()
    const job = await create({ schedule: { at } })
    expect(job).toMatchObject({ nextRunAt: at, upcoming: [at], schedule: { kind: 'ONCE', at } })
  })

  it('has no slot outside of its window', async () => {
    const startOn = '2090-06-01T00:00:00.000Z'
    const endOn = '2090-06-02T12:00:00.000Z'
    const job = await create({ startOn, endOn, schedule: { cron: { expression: '0 12 * * *', timezone: 'UTC' } } })
    expect(job).toMatchObject({ startOn, endOn })
    expect(job.upcoming).toEqual(['2090-06-01T12:00:00.000Z', '2090-06-02T12:00:00.000Z'])
  })

  it('may be paused from the start', async () => {
    const job = await create({ enabled: false, schedule: { every: { seconds: 60 } } })
    expect(job).toMatchObject({ enabled: false, nextRunAt: null, upcoming: [], trigger: 'SCHEDULE' })
  })
})

describe('a job without a schedule', () => {
  it('waits for an event, also for one that only Runsheet emits', async () => {
    for (const eventType of ['order.paid', 'artifact.updated']) {
      expect(await create({ eventType })).toMatchObject({
        trigger: 'EVENT',
        eventType,
        schedule: null,
        nextRunAt: null,
      })
    }
  })

  it('is run by hand', async () => {
    expect(await create()).toMatchObject({ trigger: 'MANUAL', eventType: null, schedule: null, upcoming: [] })
  })
})

describe('a new job', () => {
  it('has the defaults of the domain', async () => {
    const { maxAttempts, backoff, initialDelay, maxDelay, jitter, retryOn, timeoutSeconds, ...rest } = POLICY_DEFAULTS
    const retry = { maxAttempts, backoff, initialDelay, maxDelay, jitter, retryOn }
    const defaults = { ...rest, retry, timeout: timeoutSeconds, overlap: null }
    expect(defaults).toEqual({
      retry: {
        maxAttempts: 1,
        backoff: 'EXPONENTIAL',
        initialDelay: 10,
        maxDelay: 3600,
        jitter: true,
        retryOn: 'TRANSIENT',
      },
      catchUp: 'LATEST',
      catchUpWindow: 86_400,
      dstGap: 'RUN_AFTER_GAP',
      timeout: 60,
      spread: 0,
      priority: 0,
      overlap: null,
    })
    const unlimited = { ...defaults, spreadOffsetMs: 0, concurrency: null }
    expect(await create()).toMatchObject(unlimited)
    const nulls = { retry: null, catchUp: null, catchUpWindow: null, dstGap: null, timeout: null, overlap: null }
    const none = { ...nulls, spread: null, priority: null, concurrency: null }
    expect(await create({ ...none, enabled: null, schedule: null, eventType: null })).toMatchObject(unlimited)
    expect(await create({ retry: { maxAttempts: 4, jitter: null } })).toMatchObject({
      retry: { ...defaults.retry, maxAttempts: 4 },
    })
  })

  it('keeps the policies that it is given', async () => {
    const policies = {
      retry: { maxAttempts: 5, backoff: 'LINEAR', initialDelay: 0, maxDelay: 60, jitter: false, retryOn: 'ANY' },
      overlap: 'QUEUE_ONE',
      catchUp: 'NONE',
      catchUpWindow: 0,
      dstGap: 'SKIP',
      timeout: 86_400,
      spread: 86_400,
      priority: -100,
      concurrency: { limit: 10_000, key: 'k'.repeat(200) },
    }
    expect(await create(policies)).toMatchObject(policies)
    const others = { overlap: 'CANCEL_RUNNING', priority: 100, concurrency: { limit: 1 } }
    expect(await create(others)).toMatchObject({ ...others, concurrency: { limit: 1, key: null } })
  })

  it('has a place within its spread, which is shorter than its interval', async () => {
    const { spreadOffsetMs } = await create({ schedule: { every: { seconds: 60 } }, spread: 59 })
    expect(spreadOffsetMs).toBeGreaterThanOrEqual(0)
    expect(spreadOffsetMs).toBeLessThan(59_000)
  })

  it('belongs to whoever makes it, on an artifact of theirs', async () => {
    const site = await publishSite(app, 'alices', alice.token)
    const job = await create({ artifactId: site.id })
    expect(job).toMatchObject({ owner: { handle: 'alice' }, artifact: { id: site.id } })
    expect(await api.job(job.id)).toMatchObject({ id: job.id, artifact: { id: site.id } })
  })

  it('has a name of its own or one by what it does', async () => {
    expect(await create({ name: '  Nightly ☃ ' })).toMatchObject({ name: 'Nightly ☃', displayName: 'Nightly ☃' })
    for (const name of [null, '', '   ']) {
      const job = await create({ name })
      expect(job).toMatchObject({ name: null, displayName: `webhook #${job.number}` })
    }
  })

  it('takes an empty text for none', async () => {
    expect(await create({ description: '', notes: '' })).toMatchObject({ description: null, notes: null })
    const longest = { name: 'n'.repeat(200), description: 'd'.repeat(1_000), notes: 'o'.repeat(10_000) }
    expect(await create(longest)).toMatchObject(longest)
  })

  it('has its steps in order, with names and defaults', async () => {
    const webhooks = ['http://127.0.0.1:9/a', 'http://127.0.0.1:9/b'].map((url) => ({
      webhook: { url, body: { n: [1] } },
    }))
    const { actions: steps } = await create({ actions: webhooks })
    expect(steps).toEqual([
      {
        position: 0,
        kind: 'webhook',
        name: 'webhook',
        config: { url: 'http://127.0.0.1:9/a', method: 'POST', headers: {}, body: { n: [1] }, includeArtifact: true },
      },
      expect.objectContaining({ position: 1, name: 'webhook-2' }),
    ])
    const { actions: fifty } = await create({ actions: Array.from({ length: 50 }, () => NOWHERE) })
    expect(fifty).toHaveLength(50)
  })

  it('has a signing secret, which is encrypted where it is kept', async () => {
    const { id } = await create()
    const [row] = await query<{ current: Buffer }>(app, 'select current from signing_secret where job_id = $1::uuid', [
      id.replace('job_', ''),
    ])
    expect(row?.current.includes('whsec_')).toBe(false)
  })

  it('keeps texts and JSON as they are given, whatever stands in them', async () => {
    const odd = '\\u0000 C:\\users \'"; drop table job; -- ☃ 𝄞 \u0001'
    const body = { [odd]: [odd, { deep: odd }, -0.5, 1e300, null] }
    const job = await create({ name: odd, actions: [{ webhook: { ...NOWHERE.webhook, body } }] })
    expect(job.name).toBe(odd)
    expect(job.actions[0]?.config).toMatchObject({ body })
  })
})
