/** Jobs of ShareOut as GraphQL sees and changes them, and what their clients then see. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { UpdateJobInput } from '../../generated/graphql.ts'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { makeStack, type Person, publishSite, query, signUp } from '../../support/people.ts'
import { startReceiver } from '../../support/receiver.ts'
import { rest } from '../../support/rest.ts'
import { CHANGE_SHAREOUT_JOB, SEE_SHAREOUT_JOB } from './operations.ts'

describe('a job of ShareOut', () => {
  let app: TestApp
  let ann: Person
  let artifact: string

  beforeAll(async () => {
    app = await createTestApp()
    ann = await signUp(app, 'ann')
    artifact = (await publishSite(app, 'demo', ann.token)).id
  })
  afterAll(() => app.stop())

  const token = () => ({ token: ann.token })
  const CONFIG = { url: 'https://example.org/hook', method: 'POST', headers: {} }
  const make = async (more: object = {}) => {
    const body = { artifact_id: artifact, action: 'webhook', schedule: '0 9 * * 1', config: CONFIG, ...more }
    const { id, error } = (await rest(app, 'POST /v1/jobs', { ...token(), body })).body
    expect(error).toBeUndefined()
    return String(id)
  }
  const read = async (id: string) => (await rest(app, `GET /v1/jobs/${id}`, token())).body.job
  const change = async (input: UpdateJobInput) =>
    (await app.send(CHANGE_SHAREOUT_JOB, { input }, token())).data.updateJob as { code?: string; message?: string }

  it('is an action like others to GraphQL, without what its client wrote', async () => {
    const { job } = (await app.send(SEE_SHAREOUT_JOB, { id: await make() }, token())).data
    expect(job).toMatchObject({
      surface: 'SHAREOUT',
      retry: { maxAttempts: 1, backoff: 'FIXED', initialDelay: 300 },
      actions: [
        {
          kind: 'webhook',
          config: expect.objectContaining({
            url: CONFIG.url,
            body: expect.objectContaining({ artifact_id: '{{ artifact.id }}' }),
          }),
        },
      ],
    })
    expect(Object.keys(job?.actions[0]?.config as object)).not.toContain('given')
  })

  it('shows its clients what GraphQL made of it', async () => {
    const id = await make()
    const recipients = ['a@example.org']
    await change({
      jobId: id,
      name: 'Renamed',
      schedule: { cron: { expression: '0 10 * * 1', timezone: 'UTC' } },
      actions: [{ email: { recipients, subject: 'S', text: 'T' } }],
    })
    expect(await read(id)).toMatchObject({
      title: 'Renamed',
      schedule: '0 10 * * 1',
      action: 'email',
      config: { recipients, subject: 'S', text: 'T' },
    })
  })

  it('gets the defaults of its dialect back when its retries are cleared', async () => {
    const id = await make({ retry_config: { maxAttempts: 5, backoffType: 'linear', initialDelay: 60 } })
    await change({ jobId: id, retry: null })
    expect((await read(id)).retry_config).toEqual({ maxAttempts: 1, backoffType: 'fixed', initialDelay: 300 })
  })

  const email = { email: { recipients: ['a@example.org'], subject: 'S' } }
  const cron = (expression: string, more = {}) => ({ schedule: { cron: { expression, timezone: 'UTC', ...more } } })
  const hidden: [string, Partial<UpdateJobInput>][] = [
    ['two actions', { actions: [email, email] }],
    ['an interval', { schedule: { every: { seconds: 60 } } }],
    ['an instant', { schedule: { at: '2999-01-01T00:00:00Z' } as never }],
    ['no schedule at all', { schedule: null }],
    ['seconds', cron('0 0 9 * * 1')],
    ['names of days', cron('0 9 * * MON')],
    ['another zone', cron('0 9 * * 1', { timezone: 'Europe/Berlin' })],
    ['another dialect', cron('0 0 9 ? * 2', { dialect: 'QUARTZ' })],
    ['an event that they do not know', { schedule: null, eventType: 'order.paid' }],
    ['a window', { endOn: '2999-01-01T00:00:00Z' as never }],
    ['an action that they do not know', { actions: [{ publish: { target: 'LATEST' } as never }] }],
    ['a body of its own', { actions: [{ webhook: { url: 'https://example.org/', body: { own: 1 } } }] }],
    ['a template', { actions: [{ email: { ...email.email, text: '{{ run.id }}' } }] }],
  ]
  it.each(hidden)(
    'stays as it is when GraphQL would give it %s, which its clients could not be shown',
    async (_, input) => {
      const id = await make()
      const before = await read(id)
      const answer = await change({ jobId: id, ...input })
      expect([answer.code, answer.message]).toEqual(['SURFACE', expect.stringContaining('SHAREOUT')])
      expect(await read(id)).toEqual(before)
    },
  )

  it('cannot be given a stack', async () => {
    const { id: stackId } = await makeStack(app, ann.token)
    expect((await change({ jobId: await make(), stackId })).code).toBe('SURFACE')
  })

  it('is tried again for its slots only', async () => {
    const receiver = await startReceiver((response) => response.writeHead(500).end())
    const retry_config = { maxAttempts: 3, initialDelay: 60 }
    const id = await make({ schedule: '* * * * *', config: { url: receiver.url }, retry_config })
    const { body } = await rest(app, `POST /v1/jobs/${id}/run`, token())
    expect(body.execution.status).toBe('failed')
    await query(app, `update job set next_run_at = date_trunc('minute', now()) where id = $1::uuid`, [id.slice(4)])
    await query(app, `select pg_notify('runsheet', 'jobs')`)
    const planned = async () =>
      query<{ attempts: number; trigger: string }>(
        app,
        `select distinct (plan->'retry'->>'maxAttempts')::int as attempts, trigger from run where job_id = $1::uuid order by trigger desc`,
        [id.slice(4)],
      )
    await expect.poll(planned, { timeout: 10_000 }).toEqual([
      { attempts: 1, trigger: 'MANUAL' },
      { attempts: 3, trigger: 'SCHEDULE' },
    ])
  })
})
