import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../support/app.ts'
import { countRows, NOWHERE, type Person, query, signUp } from '../support/people.ts'
import { actions, jobOf } from './operations.ts'

let app: TestApp
let alice: Person
let api: ReturnType<typeof actions>

beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
  api = actions(app, alice.token)
})
afterAll(() => app?.stop())

const create = async (input: object = {}) => jobOf(await api.create({ actions: [NOWHERE], ...input }))
const update = async (jobId: string, input: object) => jobOf(await api.update({ jobId, ...input }))
const refused = async (jobId: string, input: object) => api.update({ jobId, ...input })
const everyDay = { cron: { expression: '0 0 * * *' } }
const uuidOf = (jobId: string) => jobId.replace('job_', '')
const anchorOf = async (jobId: string) => {
  const [row] = await query<{ anchor: Date }>(app, 'select anchor from job where id = $1::uuid', [uuidOf(jobId)])
  return row?.anchor.getTime() ?? 0
}

describe('updating a job', () => {
  it('leaves alone what is absent', async () => {
    const full = {
      name: 'full',
      description: 'd',
      notes: 'n',
      startOn: '2031-01-01T00:00:00.000Z',
      endOn: '2032-01-01T00:00:00.000Z',
      schedule: everyDay,
      retry: { maxAttempts: 3, backoff: 'FIXED', initialDelay: 1, maxDelay: 2, jitter: false, retryOn: 'ANY' },
      overlap: 'ALLOW',
      catchUp: 'ALL',
      catchUpWindow: 5,
      dstGap: 'SKIP',
      timeout: 7,
      spread: 8,
      priority: 9,
      concurrency: { limit: 10, key: 'crm' },
    }
    const before = await create(full)
    expect(await update(before.id, {})).toEqual({ ...before, version: 2 })
    expect(await update(before.id, { retry: {} })).toEqual({ ...before, version: 3 })
    const retry = { ...before.retry, maxAttempts: 4 }
    expect(await update(before.id, { retry: { maxAttempts: 4 } })).toEqual({ ...before, retry, version: 4 })
    expect(await update(before.id, { name: 'renamed' })).toEqual({
      ...before,
      retry,
      name: 'renamed',
      displayName: 'renamed',
      version: 5,
    })
    expect(await api.job(before.id)).toMatchObject({ name: 'renamed', version: 5 })
  })

  it('clears with null, or brings back what a new job has', async () => {
    const fresh = await create()
    const job = await create({
      name: 'n',
      description: 'd',
      notes: 'o',
      startOn: '2031-01-01T00:00:00Z',
      endOn: '2032-01-01T00:00:00Z',
      retry: { maxAttempts: 3, backoff: 'FIXED', jitter: false },
      overlap: 'ALLOW',
      catchUp: 'ALL',
      catchUpWindow: 5,
      dstGap: 'SKIP',
      timeout: 7,
      spread: 8,
      priority: 9,
      concurrency: { limit: 10, key: 'crm' },
    })
    const { retry, catchUp, catchUpWindow, dstGap, timeout, spread, priority, spreadOffsetMs, concurrency } = fresh
    expect(await update(job.id, { retry: { maxAttempts: null } })).toMatchObject({
      retry: { ...job.retry, maxAttempts: retry.maxAttempts },
    })
    const nulls = { name: null, description: null, notes: null, startOn: null, endOn: null, overlap: null }
    const policies = { retry: null, catchUp: null, catchUpWindow: null, dstGap: null, timeout: null }
    const limits = { spread: null, priority: null, concurrency: null }
    expect(await update(job.id, { ...nulls, ...policies, ...limits })).toMatchObject({
      ...nulls,
      ...{ retry, catchUp, catchUpWindow, dstGap, timeout, spread, priority, spreadOffsetMs, concurrency },
      version: 3,
    })
    expect({ spread, priority, spreadOffsetMs, concurrency }).toEqual({
      ...{ spread: 0, priority: 0, spreadOffsetMs: 0 },
      concurrency: null,
    })
  })

  it('sets a limit as a whole: without a key it is for the job alone', async () => {
    const job = await create({ concurrency: { limit: 10, key: 'crm' } })
    expect(await update(job.id, { concurrency: { limit: 3 } })).toMatchObject({ concurrency: { limit: 3, key: null } })
    const keyed = { limit: 4, key: ' a key ☃' }
    expect(await update(job.id, { concurrency: keyed })).toMatchObject({ concurrency: keyed })
    expect(await update(job.id, { concurrency: { ...keyed, key: null } })).toMatchObject({ concurrency: { key: null } })
  })

  it('keeps the spread shorter than the interval, whichever of them changes', async () => {
    const job = await create({ schedule: { every: { seconds: 60 } }, spread: 30 })
    const tooLong = { __typename: 'ValidationError', issues: [{ path: 'spread' }] }
    expect(await refused(job.id, { spread: 60 })).toMatchObject(tooLong)
    for (const seconds of [30, 1]) {
      expect(await refused(job.id, { schedule: { every: { seconds } } })).toMatchObject(tooLong)
    }
    expect(await refused(job.id, { schedule: { every: { seconds: 10 } }, spread: 10 })).toMatchObject(tooLong)
    expect(await api.job(job.id)).toEqual(job)
    await update(job.id, { schedule: { every: { seconds: 31 } } })
    await update(job.id, { schedule: { every: { seconds: 10 } }, spread: 9 })
    await update(job.id, { schedule: everyDay, spread: 86_400 })
    expect(await refused(job.id, { schedule: { every: { seconds: 3600 } } })).toMatchObject(tooLong)
    await update(job.id, { schedule: { every: { seconds: 3600 } }, spread: null })
    expect(await api.job(job.id)).toMatchObject({ spread: 0, spreadOffsetMs: 0, version: 5 })
  })

  it('changes nothing for a priority, a limit or a spread that is none', async () => {
    const job = await create({ schedule: everyDay, spread: 5, priority: 5, concurrency: { limit: 5, key: 'crm' } })
    const flaws: [object, string][] = [
      [{ spread: -1 }, 'spread'],
      [{ spread: 86_401 }, 'spread'],
      [{ priority: -101 }, 'priority'],
      [{ priority: 101 }, 'priority'],
      [{ concurrency: { limit: 0 } }, 'concurrency.limit'],
      [{ concurrency: { limit: 10_001 } }, 'concurrency.limit'],
      [{ concurrency: { limit: 1, key: '' } }, 'concurrency.key'],
    ]
    for (const [flaw, path] of flaws) {
      const answer = await refused(job.id, { name: 'half', ...flaw })
      expect(answer, JSON.stringify(flaw)).toMatchObject({ __typename: 'ValidationError', issues: [{ path }] })
    }
    expect(await api.job(job.id)).toEqual(job)
  })

  it('replaces all steps, and cannot leave a job without any', async () => {
    const job = await create({ actions: [NOWHERE, NOWHERE] })
    const changed = await update(job.id, { actions: [{ webhook: { url: 'http://127.0.0.1:9/new' } }] })
    expect(changed.actions).toMatchObject([{ position: 0, name: 'webhook', config: { url: 'http://127.0.0.1:9/new' } }])
    for (const none of [null, []]) {
      expect(await refused(job.id, { actions: none })).toMatchObject({ issues: [{ path: 'actions' }] })
    }
    expect((await api.job(job.id))?.actions).toHaveLength(1)
  })

  it('goes from a schedule to an event, to nothing, and back', async () => {
    const job = await create({ schedule: everyDay })
    const event = await update(job.id, { schedule: null, eventType: 'order.paid' })
    expect(event).toMatchObject({ trigger: 'EVENT', schedule: null, nextRunAt: null, upcoming: [] })
    const manual = await update(job.id, { eventType: null })
    expect(manual).toMatchObject({ trigger: 'MANUAL', eventType: null, nextRunAt: null })
    const back = await update(job.id, { schedule: { every: { seconds: 60 } } })
    expect(back).toMatchObject({ trigger: 'SCHEDULE', schedule: { kind: 'INTERVAL' }, nextRunAt: expect.any(String) })
    expect(await update(job.id, { schedule: null })).toMatchObject({ trigger: 'MANUAL', nextRunAt: null })
  })

  it('does not take a schedule and an event together, whichever was there first', async () => {
    const both = { __typename: 'ValidationError', issues: [{ path: 'eventType' }] }
    const scheduled = await create({ schedule: everyDay })
    expect(await refused(scheduled.id, { eventType: 'order.paid' })).toMatchObject(both)
    const listening = await create({ eventType: 'order.paid' })
    expect(await refused(listening.id, { schedule: everyDay })).toMatchObject(both)
    expect(await refused(listening.id, { schedule: everyDay, eventType: 'x' })).toMatchObject(both)
    expect(await api.job(scheduled.id)).toMatchObject({ trigger: 'SCHEDULE', version: 1 })
    expect(await api.job(listening.id)).toMatchObject({ trigger: 'EVENT', version: 1 })
    expect(await update(listening.id, { schedule: everyDay, eventType: null })).toMatchObject({ trigger: 'SCHEDULE' })
  })

  it('keeps one schedule of its own, however often that is edited', async () => {
    const job = await create({ schedule: everyDay })
    const before = await countRows(app)
    const at = '2090-01-01T00:00:00.000Z'
    expect(await update(job.id, { schedule: { at } })).toMatchObject({
      nextRunAt: at,
      schedule: { kind: 'ONCE', at, expression: null, dialect: null, timezone: null },
    })
    expect(await update(job.id, { schedule: everyDay })).toMatchObject({ schedule: { kind: 'CRON', at: null } })
    expect(await countRows(app)).toEqual(before)
  })

  it('keeps the grid of an interval, from edit to edit', async () => {
    const job = await create({ schedule: { every: { seconds: 3600 } } })
    const anchor = await anchorOf(job.id)
    expect(new Date(String(job.nextRunAt)).getTime()).toBe(anchor + 3_600_000)
    const same = await update(job.id, { schedule: { every: { seconds: 3600 } } })
    expect(same.nextRunAt).toBe(job.nextRunAt)
    const faster = await update(job.id, { schedule: { every: { seconds: 600 } } })
    expect(faster.upcoming.map((slot) => new Date(slot).getTime() - anchor)).toEqual([600_000, 1_200_000, 1_800_000])
    await update(job.id, { schedule: everyDay })
    const back = await update(job.id, { schedule: { every: { seconds: 3600 } } })
    expect(back.nextRunAt).toBe(job.nextRunAt)
    expect(await anchorOf(job.id)).toBe(anchor)
  })

  it('moves the next slot with the window, and says when that leaves none', async () => {
    const job = await create({ schedule: { cron: { expression: '0 12 * * *', timezone: 'UTC' } } })
    const later = await update(job.id, { startOn: '2090-01-01T00:00:00Z' })
    expect(later.nextRunAt).toBe('2090-01-01T12:00:00.000Z')
    const before = { __typename: 'ValidationError', issues: [{ path: 'endOn' }] }
    expect(await refused(job.id, { endOn: '2089-01-01T00:00:00Z' })).toMatchObject(before)
    expect(await refused(job.id, { endOn: '2090-01-01T11:59:59Z' })).toMatchObject({ issues: [{ path: 'schedule' }] })
    expect(await update(job.id, { endOn: '2090-01-01T12:00:00Z' })).toMatchObject({ upcoming: [later.nextRunAt] })
    expect(await update(job.id, { startOn: null, endOn: null })).toMatchObject({ upcoming: { length: 3 } })
  })

  it('leaves a paused job paused', async () => {
    const job = await create({ enabled: false, schedule: everyDay })
    const changed = await update(job.id, { schedule: { every: { seconds: 60 } } })
    expect(changed).toMatchObject({ enabled: false, nextRunAt: null, upcoming: [] })
  })

  it('is refused to whoever has not seen the newest version', async () => {
    const job = await create({ name: 'one' })
    expect(await update(job.id, { name: 'two', version: 1 })).toMatchObject({ version: 2 })
    const late = await refused(job.id, { name: 'three', version: 1 })
    expect(late).toMatchObject({ __typename: 'ConflictError', code: 'VERSION' })
    expect(await api.job(job.id)).toMatchObject({ name: 'two', version: 2 })
    expect(await update(job.id, { name: 'four', version: null })).toMatchObject({ name: 'four', version: 3 })
  })

  it('lets one of several through who know the same version', async () => {
    const job = await create()
    const names = ['a', 'b', 'c', 'd', 'e']
    const answers = await Promise.all(names.map((name) => refused(job.id, { name, version: 1 })))
    expect(answers.filter(({ __typename }) => __typename === 'Job')).toHaveLength(1)
    expect(answers.filter(({ __typename }) => __typename === 'ConflictError')).toHaveLength(4)
    expect(await api.job(job.id)).toMatchObject({ version: 2 })
  })

  it('loses none of several edits that are made at the same time', async () => {
    const job = await create({ schedule: everyDay })
    await Promise.all([1, 2, 3, 4, 5, 6].map((n) => update(job.id, n % 2 ? { timeout: n } : { notes: String(n) })))
    expect(await api.job(job.id)).toMatchObject({ version: 7, schedule: { kind: 'CRON' } })
  })

  it('changes nothing when one field is wrong', async () => {
    const job = await create({ name: 'whole', schedule: everyDay })
    const before = await countRows(app)
    const wrong = { name: 'half', timeout: 5, actions: [NOWHERE, NOWHERE] }
    for (const flaw of [{ retry: { maxAttempts: 0 } }, { schedule: { every: { seconds: 0 } } }, { notes: 'a\0' }]) {
      expect(await refused(job.id, { ...wrong, ...flaw })).toMatchObject({ __typename: 'ValidationError' })
    }
    expect(await api.job(job.id)).toEqual(job)
    expect(await countRows(app)).toEqual(before)
  })

  it('finds no job of others, and changes none', async () => {
    const job = await create({ name: 'mine' })
    const bob = actions(app, (await signUp(app, 'bob')).token)
    const gone = { __typename: 'NotFoundError', code: 'NOT_FOUND' }
    expect(await bob.update({ jobId: job.id, name: 'his' })).toMatchObject(gone)
    for (const change of [bob.pause, bob.resume, bob.remove, bob.run]) expect(await change(job.id)).toMatchObject(gone)
    expect(await bob.job(job.id)).toBeNull()
    expect(await api.job(job.id)).toEqual(job)
    expect(jobOf(await actions(app).update({ jobId: job.id, name: 'an administrator’s' }))).toMatchObject({
      version: 2,
    })
  })

  it.each(['', 'job_', 'job_00000000000000000000000000000000', 'run_00000000000000000000000000000000'])(
    'finds none by %j',
    async (jobId) => {
      const gone = { __typename: 'NotFoundError', code: 'NOT_FOUND' }
      expect(await refused(jobId, {})).toMatchObject(gone)
      for (const change of [api.pause, api.resume, api.remove, api.run]) expect(await change(jobId)).toMatchObject(gone)
      expect(await api.job(jobId)).toBeNull()
    },
  )
})
