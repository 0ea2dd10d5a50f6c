/** previewSchedule, and the next slots of jobs, from outside. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ScheduleInput } from '../generated/graphql.ts'
import { graphql } from '../generated/index.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { countRows, makeJob } from '../support/people.ts'

const PREVIEW = graphql(`
  query Preview($input: ScheduleInput!, $count: Int, $from: DateTime) {
    previewSchedule(input: $input, count: $count, from: $from)
  }
`)

const UPCOMING = graphql(`query Upcoming($id: ID!, $count: Int) { job(id: $id) { nextRunAt upcoming(count: $count) } }`)

let app: TestApp

beforeAll(async () => {
  app = await createTestApp()
})
afterAll(() => app?.stop())

const preview = (input: ScheduleInput, more: { count?: number; from?: string } = {}) =>
  app.send(PREVIEW, { input, ...more }, { token: null })
const slots = async (...args: Parameters<typeof preview>) => (await preview(...args)).data.previewSchedule
const issue = async (...args: Parameters<typeof preview>) => (await preview(...args)).errors?.[0]?.extensions

describe('previewSchedule', () => {
  it('shows where daylight saving moves a slot, and where it does not', async () => {
    const cron = { expression: '30 2 * * *', timezone: 'Europe/Berlin' }
    expect(await slots({ cron }, { count: 3, from: '2026-03-27T12:00:00Z' })).toEqual([
      '2026-03-28T01:30:00.000Z',
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ])
    expect(await slots({ cron }, { count: 3, from: '2026-10-24T12:00:00Z' })).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
      '2026-10-27T01:30:00.000Z',
    ])
  })

  it('counts an interval from `from`, and shows 10 unless another number is asked for', async () => {
    const from = '2030-01-01T00:00:00Z'
    const every = { seconds: 86_400 }
    const ten = await slots({ every }, { from })
    expect(ten).toHaveLength(10)
    expect(ten.slice(0, 2)).toEqual(['2030-01-02T00:00:00.000Z', '2030-01-03T00:00:00.000Z'])
    expect(await slots({ every }, { from, count: 100 })).toHaveLength(100)
  })

  it('shows fewer where there are no more', async () => {
    const at = '2030-01-01T00:00:00.000Z'
    expect(await slots({ at }, { from: '2029-12-31T23:59:59.999Z' })).toEqual([at])
    const quartz = { expression: '0 0 0 1 1 ? 2030-2031', dialect: 'QUARTZ' as const }
    expect(await slots({ cron: quartz }, { from: '2029-01-01T00:00:00Z' })).toHaveLength(2)
  })

  it('begins now when nothing is said, behind the moment of the question', async () => {
    const [first = ''] = await slots({ cron: { expression: '* * * * * *' } })
    expect(Date.parse(first)).toBeGreaterThan(Date.now() - 5_000)
  })

  it.each([
    [{ cron: { expression: '0 0 30 2 *' } }, {}, 'input.cron.expression'],
    [{ cron: { expression: '* * * *' } }, {}, 'input.cron.expression'],
    [{ cron: { expression: '* * * * *', timezone: 'Nowhere' } }, {}, 'input.cron.timezone'],
    [{ every: { seconds: 0 } }, {}, 'input.every.seconds'],
    [{ at: '2030-01-01T00:00:00Z' }, { from: '2030-01-01T00:00:00Z' }, 'input.at'],
    [{ every: { seconds: 1 } }, { count: 0 }, 'count'],
    [{ every: { seconds: 1 } }, { count: -1 }, 'count'],
    [{ every: { seconds: 1 } }, { count: 101 }, 'count'],
  ])('refuses %j with %j and names %s', async (input, more, path) => {
    expect(await issue(input as ScheduleInput, more)).toEqual({
      code: 'VALIDATION',
      issues: [{ path, message: expect.any(String) }],
    })
  })

  it('makes nothing', async () => {
    const before = await countRows(app)
    await slots({ every: { seconds: 1 } })
    expect(await countRows(app)).toEqual(before)
  })

  it('costs so much that nobody makes the server think for long', async () => {
    const never = Array.from(
      { length: 30 },
      (_, n) => `a${n}: previewSchedule(input: { cron: { expression: "${n} 0 30 2 *" } })`,
    )
    const answer = await app.send({ toString: () => `{ ${never.join(' ')} }` } as typeof PREVIEW, undefined as never)
    expect(answer.errors).toMatchObject([{ extensions: { code: 'LIMIT_EXCEEDED' } }])
  })
})

describe('Job.upcoming', () => {
  it('shows 1 to 100 slots, the next one first', async () => {
    const { id } = await makeJob(app, ADMIN_TOKEN, { schedule: { every: { seconds: 3600 } } })
    for (const count of [1, 100]) {
      const { job } = (await app.send(UPCOMING, { id, count })).data
      expect(job?.upcoming).toHaveLength(count)
      expect(job?.upcoming[0]).toBe(job?.nextRunAt)
    }
    for (const count of [0, -5, 101]) {
      const { errors } = await app.send(UPCOMING, { id, count })
      expect(errors).toMatchObject([{ extensions: { code: 'VALIDATION', issues: [{ path: 'count' }] } }])
    }
  })
})
