/** `interval`, `intervalType`, `timezone`, `startOn` and `endOn`: when a job runs, as Informer's clients say it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { countRows, type Person, signUp } from '../../support/people.ts'
import { rest } from '../../support/rest.ts'

const SOON = '2999-03-01T12:30:00.000Z'
const LATER = '2999-04-01T00:00:00.000Z'
const PAST = '2020-01-01T00:00:00.000Z'

describe('the interval of an Informer job', () => {
  let app: TestApp
  let ann: Person

  beforeAll(async () => {
    app = await createTestApp({ DEFAULT_TIMEZONE: 'Europe/Berlin' })
    ann = await signUp(app, 'ann')
  })
  afterAll(() => app.stop())

  const call = (route: string, body?: object) => rest(app, route, { token: ann.token, body })
  const make = async (more: object) => {
    const { body } = await call('POST /api/jobs', { name: 'A job', type: 'email', enabled: true, ...more })
    expect(body.message).toBeUndefined()
    return body
  }
  const put = async (id: string, change: object) => (await call(`PUT /api/jobs/${id}`, change)).body
  const timesOf = async (query: Record<string, string>) =>
    (await call(`GET /api/job-fire-times?${new URLSearchParams(query)}`)).body
  const when = ({ interval, intervalType, timezone }: Record<string, unknown>) => [interval, intervalType, timezone]

  it.each([
    [{ interval: '0 8 * * *' }, 'cron'],
    [{ interval: ' 0   8 1,15 * 1-5 ' }, 'cron'],
    [{ interval: '0 8 * JAN MON-FRI' }, 'cron'],
    [{ interval: '0 8 * * 7' }, 'cron'],
    [{ interval: '30 minutes' }, 'simple'],
    [{ interval: '1 Hour' }, 'simple'],
    [{ interval: '2 weeks' }, 'simple'],
    [{ interval: SOON }, 'once'],
    [{ interval: '2999-03-01' }, 'once'],
    [{ interval: '2999-03-01T12:30+02:00' }, 'once'],
  ])('%j is inferred to be %s', async (given, intervalType) => {
    const job = await make(given)
    expect(job).toMatchObject({ intervalType, timezone: 'Europe/Berlin', enabled: true })
    expect(job.nextRunAt).not.toBeNull()
    expect(await make({ ...given, intervalType })).toMatchObject({ interval: job.interval, intervalType })
  })

  it('is shown as it was written', async () => {
    for (const interval of ['0 8 * * 1-5', '60 minutes', '1 HOUR', '7 days']) {
      expect((await make({ interval })).interval).toBe(interval)
    }
    expect((await make({ interval: '2999-03-01T13:30:00+01:00' })).interval).toBe(SOON)
  })

  it('is read on the clocks of the zone', async () => {
    const { fireTimes } = await timesOf({
      interval: '0 8 * * *',
      timezone: 'America/New_York',
      startOn: '2999-01-01',
      count: '1',
    })
    expect(fireTimes).toEqual(['2999-01-01T13:00:00.000Z'])
    const job = await make({ interval: '0 8 * * *', timezone: 'america/new_york', startOn: '2999-07-01' })
    expect([job.timezone, job.nextRunAt]).toEqual(['America/New_York', '2999-07-01T12:00:00.000Z'])
  })

  describe('of a job that runs once', () => {
    it('may be left out when startOn says the time, and moves with it', async () => {
      const job = await make({ intervalType: 'once', startOn: SOON })
      expect(job).toMatchObject({ interval: null, intervalType: 'once', startOn: SOON, nextRunAt: SOON })
      expect(await put(job.id, job)).toMatchObject({ interval: null, startOn: SOON, nextRunAt: SOON })
      expect(await put(job.id, { startOn: LATER })).toMatchObject({ startOn: LATER, nextRunAt: LATER })
      expect(await put(job.id, { ...job, startOn: SOON })).toMatchObject({ startOn: SOON, nextRunAt: SOON })
    })

    it('is the time itself if it is a date, and startOn is only a bound', async () => {
      const job = await make({ interval: LATER, startOn: SOON })
      expect(job).toMatchObject({ interval: LATER, intervalType: 'once', startOn: SOON, nextRunAt: LATER })
      expect(await put(job.id, { startOn: null })).toMatchObject({ interval: LATER, startOn: null, nextRunAt: LATER })
    })

    it('needs the one or the other', async () => {
      const { status, body } = await call('POST /api/jobs', { name: 'x', type: 'email', intervalType: 'once' })
      expect([status, body.message]).toEqual([400, 'startOn: is required for once, unless interval is a date'])
      const job = await make({ intervalType: 'once', startOn: SOON })
      expect((await put(job.id, { startOn: null })).message).toContain('startOn: is required for once')
    })
  })

  describe('changed in part', () => {
    it('keeps the rest of what there was', async () => {
      const job = await make({ interval: '0 8 * * *', timezone: 'America/New_York', startOn: '2999-01-01' })
      const la = await put(job.id, { timezone: 'America/Los_Angeles' })
      expect([when(la), la.nextRunAt]).toEqual([
        ['0 8 * * *', 'cron', 'America/Los_Angeles'],
        '2999-01-01T16:00:00.000Z',
      ])
      const nine = await put(job.id, { interval: '0 9 * * *' })
      expect([when(nine), nine.nextRunAt]).toEqual([
        ['0 9 * * *', 'cron', 'America/Los_Angeles'],
        '2999-01-01T17:00:00.000Z',
      ])
      expect(when(await put(job.id, { interval: '2 hours' }))).toEqual(['2 hours', 'simple', 'America/Los_Angeles'])
      expect(when(await put(job.id, { intervalType: 'once' }))).toEqual([null, 'once', 'America/Los_Angeles'])
      expect(when(await put(job.id, { interval: '0 1 * * *' }))).toEqual(['0 1 * * *', 'cron', 'America/Los_Angeles'])
      expect(when(await put(job.id, { interval: null }))).toEqual([null, null, 'America/Los_Angeles'])
      expect(when(await put(job.id, { interval: '0 1 * * *' }))).toEqual(['0 1 * * *', 'cron', 'America/Los_Angeles'])
      expect(when(await put(job.id, { timezone: null }))).toEqual(['0 1 * * *', 'cron', 'Europe/Berlin'])
    })

    it('keeps a zone that was named before there was a schedule', async () => {
      const job = await make({ timezone: 'Asia/Tokyo' })
      expect(when(job)).toEqual([null, null, 'Asia/Tokyo'])
      expect(when(await put(job.id, { name: 'Another' }))).toEqual([null, null, 'Asia/Tokyo'])
      expect(when(await put(job.id, { timezone: 'asia/seoul' }))).toEqual([null, null, 'Asia/Seoul'])
      const scheduled = await put(job.id, { interval: '0 8 * * *', startOn: '2999-01-01' })
      expect(scheduled).toMatchObject({ timezone: 'Asia/Seoul', nextRunAt: '2999-01-01T23:00:00.000Z' })
    })

    it('loses none of several changes that are made at the same time', async () => {
      const job = await make({ interval: '0 8 * * *', timezone: 'America/New_York' })
      const changes = [{ interval: '0 9 * * *' }, { timezone: 'Asia/Tokyo' }, { startOn: SOON }, { endOn: LATER }]
      const answers = await Promise.all(changes.map((change) => call(`PUT /api/jobs/${job.id}`, change)))
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
      const { body } = await call(`GET /api/jobs/${job.id}`)
      expect(body).toMatchObject({ interval: '0 9 * * *', timezone: 'Asia/Tokyo', startOn: SOON, endOn: LATER })
    })

    it('does not move the grid of an interval when nothing of it changes', async () => {
      const job = await make({ interval: '1 hour' })
      expect((await put(job.id, { interval: '1 hour', intervalType: 'simple' })).nextRunAt).toBe(job.nextRunAt)
      expect((await put(job.id, { ...job, name: 'Another' })).nextRunAt).toBe(job.nextRunAt)
    })

    it.each([
      [{ interval: '0 8 * * *' }, { intervalType: 'simple' }, "interval: '0 8 * * *' is not like 30 minutes or 1 day"],
      [{ interval: '1 hour' }, { intervalType: 'cron' }, "interval: '1 hour' is not a cron expression"],
      [{ interval: '1 hour' }, { intervalType: 'once' }, 'startOn: is required for once'],
      [{}, { intervalType: 'cron' }, 'interval: is required for cron'],
      [{ interval: '1 hour', startOn: LATER }, { endOn: SOON }, 'endOn: must be later than startOn'],
      [{ interval: '1 hour', endOn: SOON }, { startOn: LATER }, 'endOn: must be later than startOn'],
      [{ interval: '1 hour' }, { endOn: PAST }, 'interval: never fires between startOn and endOn'],
      [{ interval: '0 8 * * *' }, { timezone: 'Mars/Olympus' }, "timezone: 'Mars/Olympus' is not an IANA time zone"],
      [{}, { timezone: 'Mars/Olympus' }, "timezone: 'Mars/Olympus' is not an IANA time zone"],
    ])('of a job with %j is not changed by %j', async (given, change, message) => {
      const job = await make(given)
      const { status, body } = await call(`PUT /api/jobs/${job.id}`, change)
      expect([status, body.message]).toEqual([400, expect.stringContaining(message)])
      expect((await call(`GET /api/jobs/${job.id}`)).body).toEqual(job)
    })
  })

  const bad: [Record<string, string>, string][] = [
    [{ interval: 'whenever' }, 'interval: '],
    [{ interval: '' }, 'interval: '],
    [{ interval: '0 8 * *' }, 'interval: '],
    [{ interval: '0 0 8 * * *' }, 'interval: '],
    [{ interval: '0 8 * * FUN' }, 'interval: '],
    [{ interval: '61 8 * * *' }, 'interval: '],
    [{ interval: '0 0 30 2 *' }, 'interval: '],
    [{ interval: '0 8 * * *', intervalType: 'simple' }, 'interval: '],
    [{ interval: '30 minutes', intervalType: 'cron' }, 'interval: '],
    [{ interval: '0 minutes' }, 'interval: '],
    [{ interval: '-5 minutes' }, 'interval: '],
    [{ interval: '1.5 hours' }, 'interval: '],
    [{ interval: '3 fortnights' }, 'interval: '],
    [{ interval: '900000000 weeks' }, 'interval: '],
    [{ interval: 'soon', intervalType: 'once' }, 'interval: '],
    [{ interval: PAST }, 'interval: must be in the future'],
    [{ intervalType: 'once', startOn: PAST }, 'startOn: must be in the future'],
    [{ interval: SOON, endOn: '2999-01-01' }, 'interval: never fires'],
    [{ interval: '1 day', startOn: '2999-02-30' }, 'startOn: must be a date'],
    [{ interval: '1 day', endOn: 'never' }, 'endOn: must be a date'],
    [{ interval: '1 day', startOn: LATER, endOn: SOON }, 'endOn: must be later than startOn'],
    [{ interval: '0 8 * * *', timezone: '+02:00' }, 'timezone: '],
    [{ interval: '0 8 * * *', timezone: '' }, 'timezone: '],
    [{ interval: '1 day', timezone: 'BST' }, 'timezone: '],
    [{ interval: '1 day', intervalType: 'daily' }, 'intervalType: must be one of cron, simple, once'],
  ]
  it.each(bad)('is refused when it is %j, and nothing is written', async (given, message) => {
    const before = await countRows(app)
    const { status, body } = await call('POST /api/jobs', { name: 'A job', type: 'email', ...given })
    expect(body).toEqual({ statusCode: 400, error: 'Bad Request', message: expect.stringContaining(message) })
    expect(status).toBe(400)
    expect(await countRows(app)).toEqual(before)
  })

  describe('tried out', () => {
    it('shows the next ten times, or as many as are asked for', async () => {
      const { fireTimes } = await timesOf({ interval: '0 8 * * 1', timezone: 'UTC', startOn: '2999-01-01' })
      expect(fireTimes).toHaveLength(10)
      expect(fireTimes.slice(0, 2)).toEqual(['2999-01-07T08:00:00.000Z', '2999-01-14T08:00:00.000Z'])
      expect((await timesOf({ interval: '1 minute', count: '100' })).fireTimes).toHaveLength(100)
    })

    it('shows fewer where the end leaves no more', async () => {
      const window = { startOn: '2999-01-01', endOn: '2999-01-02T08:00:00Z', timezone: 'UTC' }
      const days = ['2999-01-01T08:00:00.000Z', '2999-01-02T08:00:00.000Z']
      expect(await timesOf({ interval: '0 8 * * *', ...window })).toEqual({ fireTimes: days })
      expect(await timesOf({ intervalType: 'once', startOn: SOON })).toEqual({ fireTimes: [SOON] })
      expect(await timesOf({ interval: SOON })).toEqual({ fireTimes: [SOON] })
      expect(await timesOf({ interval: SOON, endOn: '2999-01-01' })).toEqual({ fireTimes: [] })
    })

    it.each([
      [{}, 'interval: is required'],
      [{ interval: '1 day', count: '0' }, 'count: must be from 1 to 100'],
      [{ interval: '1 day', count: '101' }, 'count: must be from 1 to 100'],
      [{ interval: '1 day', count: 'ten' }, 'count: must be a whole number'],
      ...bad.filter(([, message]) => !message.includes('never fires')),
    ])('is refused when it is %j', async (query, message) => {
      const answer = await timesOf(query)
      expect(answer).toEqual({ statusCode: 400, error: 'Bad Request', message: expect.stringContaining(message) })
    })

    it('wants a token', async () => {
      expect((await rest(app, 'GET /api/job-fire-times?interval=1+day', { token: null })).status).toBe(401)
    })
  })
})
