/** Jobs of Informer as GraphQL sees and changes them, and what their clients then see. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formatId } from '../../../src/kernel/ids.ts'
import type { UpdateJobInput } from '../../generated/graphql.ts'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { makeStack, type Person, signUp } from '../../support/people.ts'
import { rest } from '../../support/rest.ts'
import { CHANGE_INFORMER_JOB, SEE_INFORMER_JOB } from './operations.ts'

const MAIL = { to: 'a@example.org', subject: 'Sales', body: 'Up' }

describe('a job of Informer', () => {
  let app: TestApp
  let ann: Person

  beforeAll(async () => {
    app = await createTestApp({ DEFAULT_TIMEZONE: 'Europe/Berlin' })
    ann = await signUp(app, 'ann')
  })
  afterAll(() => app.stop())

  const make = async (more: object = {}) => {
    const body = { name: 'Daily Sales', type: 'email', data: MAIL, interval: '0 8 * * *', enabled: true, ...more }
    const made = (await rest(app, 'POST /api/jobs', { token: ann.token, body })).body
    expect(made.message).toBeUndefined()
    return { id: String(made.id), jobId: formatId('Job', made.id) }
  }
  const read = async (id: string) => (await rest(app, `GET /api/jobs/${id}`, { token: ann.token })).body
  const change = async (input: UpdateJobInput) =>
    (await app.send(CHANGE_INFORMER_JOB, { input }, { token: ann.token })).data.updateJob as {
      code?: string
      message?: string
    }
  const seen = async (id: string) => (await app.send(SEE_INFORMER_JOB, { id }, { token: ann.token })).data.job

  it('is a job like others to GraphQL', async () => {
    const { jobId } = await make({ tags: ['sales'], notes: 'N', startOn: '2999-01-01' })
    expect(await seen(jobId)).toMatchObject({
      ...{ surface: 'INFORMER', name: 'Daily Sales', slug: 'daily-sales', type: 'email', enabled: true, timeout: null },
      ...{ nextRunAt: '2999-01-01T07:00:00.000Z', startOn: '2999-01-01T00:00:00.000Z', notes: 'N' },
      ...{ owner: { handle: 'ann' }, tags: [{ name: 'sales' }] },
      schedule: { kind: 'CRON', expression: '0 8 * * *', timezone: 'Europe/Berlin' },
      actions: [{ position: 0, kind: 'email', config: expect.objectContaining({ subject: 'Sales' }) }],
    })
  })

  const shown: [Partial<UpdateJobInput>, object][] = [
    [
      { name: 'Renamed', description: 'D' },
      { name: 'Renamed', slug: 'daily-sales', description: 'D' },
    ],
    [
      { schedule: { cron: { expression: '5 4 * * 0', timezone: 'Asia/Tokyo' } } },
      { interval: '5 4 * * 0', timezone: 'Asia/Tokyo' },
    ],
    [
      { schedule: { every: { seconds: 7200 } } },
      { interval: '2 hours', intervalType: 'simple', timezone: 'Europe/Berlin' },
    ],
    [{ schedule: { every: { seconds: 90 } } }, { interval: '90 seconds', intervalType: 'simple' }],
    [
      { schedule: { at: '2999-01-01T00:00:00.000Z' as never } },
      { interval: '2999-01-01T00:00:00.000Z', intervalType: 'once' },
    ],
    [{ schedule: null }, { interval: null, intervalType: null, timezone: 'Europe/Berlin', nextRunAt: null }],
    [
      { endOn: '2999-01-01T00:00:00.000Z' as never, tags: [] },
      { endOn: '2999-01-01T00:00:00.000Z', tags: [] },
    ],
    [
      { actions: [{ webhook: { url: 'https://example.org/hook', method: 'PUT' } }] },
      { type: 'api-call', data: { url: 'https://example.org/hook', method: 'PUT' } },
    ],
    [
      {
        actions: [
          { email: { recipients: ['b@example.org'], subject: 'S', text: 'T' } },
          { httpGet: { url: 'https://example.org/' } },
        ],
      },
      { type: 'email', data: expect.objectContaining({ subject: 'S' }) },
    ],
  ]
  it.each(shown)('shows its clients what GraphQL made of it: %j', async (input, expected) => {
    const { id, jobId } = await make()
    const answer = await change({ jobId, ...input })
    expect(answer.message).toBeUndefined()
    const after = await read(id)
    expect(after).toMatchObject({ ...expected, slug: expect.stringMatching(/^daily-sales/) })
    const same = await rest(app, `PUT /api/jobs/${id}`, { token: ann.token, body: after })
    expect({ ...same.body, updatedAt: '' }).toEqual({ ...after, updatedAt: '' })
  })

  it('keeps the zone that GraphQL gave it when an interval takes the place of the expression', async () => {
    const { id, jobId } = await make()
    await change({ jobId, schedule: { cron: { expression: '5 4 * * 0', timezone: 'Asia/Tokyo' } } })
    await change({ jobId, schedule: { every: { seconds: 60 } } })
    const body = { interval: '0 8 * * *' }
    const { timezone } = (await rest(app, `PUT /api/jobs/${id}`, { token: ann.token, body })).body
    expect(timezone).toBe('Asia/Tokyo')
  })

  const email = { email: { recipients: ['a@example.org'], subject: 'S' } }
  const cron = (expression: string, more = {}) => ({ schedule: { cron: { expression, timezone: 'UTC', ...more } } })
  const hidden: [string, Partial<UpdateJobInput>][] = [
    ['no name', { name: null }],
    ['an empty name', { name: '' }],
    ['seconds', cron('0 0 9 * * 1')],
    ['another dialect', cron('0 0 9 ? * 2', { dialect: 'QUARTZ' })],
    ['an event in the place of a schedule', { schedule: null, eventType: 'order.paid' }],
    [
      'a first action that no type does',
      { actions: [{ slack: { webhookUrl: 'https://hooks.example.org/x' } }, email] },
    ],
    [
      'a first action with more than its type can say',
      { actions: [{ webhook: { url: 'https://example.org/', includeArtifact: false } }] },
    ],
  ]
  it.each(hidden)(
    'stays as it is when GraphQL would give it %s, which its clients could not be shown',
    async (_, input) => {
      const { id, jobId } = await make()
      const before = await read(id)
      const answer = await change({ jobId, notes: 'Other', ...input })
      expect([answer.code, answer.message]).toEqual(['SURFACE', expect.stringContaining('INFORMER')])
      expect(await read(id)).toEqual(before)
    },
  )

  it('cannot be given a stack', async () => {
    const { id: stackId } = await makeStack(app, ann.token)
    expect((await change({ jobId: (await make()).jobId, stackId })).code).toBe('SURFACE')
  })

  it('is changed by its clients, and GraphQL sees that', async () => {
    const { id, jobId } = await make()
    const body = {
      type: 'api-call',
      data: { url: 'https://example.org/' },
      interval: '30 minutes',
      name: 'Other',
      enabled: false,
    }
    await rest(app, `PUT /api/jobs/${id}`, { token: ann.token, body })
    expect(await seen(jobId)).toMatchObject({
      ...{ name: 'Other', slug: expect.stringMatching(/^daily-sales/), type: 'api-call', enabled: false },
      schedule: { kind: 'INTERVAL', intervalSeconds: 1800 },
      actions: [{ position: 0, kind: 'webhook', config: expect.objectContaining({ url: 'https://example.org/' }) }],
    })
  })
})
