/** Jobs of Boozles fire: what their receivers get, what is left of them then, and how GraphQL sees them. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formatId } from '../../../src/kernel/ids.ts'
import { formatInstant } from '../../../src/rest/boozles/when.ts'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { type Person, query, signUp } from '../../support/people.ts'
import { type Client, CRON, clientOf } from './client.ts'
import {
  BOOZLES_RUNS,
  PAUSE_BOOZLES_JOB,
  RESCHEDULE_BOOZLES_JOB,
  RESUME_BOOZLES_JOB,
  SEE_BOOZLES_JOB,
} from './operations.ts'

const PATIENT = { timeout: 20_000 }

/** In a few seconds, as an instant and as a cron expression that fires then only. */
function soon() {
  const at = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3000)
  const fields = [at.getUTCSeconds(), at.getUTCMinutes(), at.getUTCHours(), at.getUTCDate(), at.getUTCMonth() + 1]
  return { when: formatInstant(at), cron: [...fields, '?', at.getUTCFullYear()].join(' ') }
}

describe('a job of Boozles that fires', () => {
  let app: TestApp
  let ann: Person
  let call: Client
  /** Answers when the test says so. */
  let receiver: Server
  let url: string
  const calls = new Map<string, { request: IncomingMessage; body: Buffer; response: ServerResponse }>()

  beforeAll(async () => {
    app = await createTestApp()
    ann = await signUp(app, 'ann')
    call = clientOf(app, ann)
    receiver = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      calls.set(request.url ?? '', { request, body: Buffer.concat(chunks), response })
    })
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`
  })
  afterAll(async () => {
    receiver.closeAllConnections()
    receiver.close()
    await app.stop()
  })

  async function make(job: object): Promise<string> {
    const { status, text } = await call('POST /1/jobs', { accept: 'text/plain', body: JSON.stringify(job) })
    expect([status, text]).toEqual([201, expect.any(String)])
    return text
  }
  const read = async (id: string) => {
    const { status, text } = await call(`GET /1/jobs/${id}`)
    return status === 200 ? JSON.parse(text) : status
  }
  const isListed = async (id: string) => JSON.parse((await call('GET /1/jobs')).text).includes(id)
  const runsOf = async (id: string) => {
    const { data } = await app.send(BOOZLES_RUNS, { filter: { jobId: formatId('Job', id) } }, { token: ann.token })
    return data.runs.edges.map(({ node }) => node)
  }
  const callAt = async (path: string) => {
    await expect.poll(() => calls.has(path), PATIENT).toBe(true)
    const found = calls.get(path)
    if (!found) throw new Error('it was there')
    return found
  }
  /** The slot of the day before is still to come: the engine finds it due. */
  async function due(id: string) {
    await query(app, `update job set next_run_at = next_run_at - interval '1 day' where id = $1::uuid`, [id])
    await query(app, `select pg_notify('runsheet', 'jobs')`)
  }

  it('for the last time is there until the run is final, failed or not, and then in no list, but its runs are', async () => {
    const { when, cron } = soon()
    const jobs = await Promise.all(
      [
        { path: '/when/200', status: 200, timing: { when } },
        { path: '/when/500', status: 500, timing: { when } },
        { path: '/cron/200', status: 204, timing: { cron } },
        { path: '/cron/500', status: 410, timing: { cron } },
      ].map(async (job) => ({ ...job, id: await make({ url: url + job.path, ...job.timing }) })),
    )
    for (const { id, path, timing } of jobs) {
      await callAt(path)
      expect(await read(id)).toEqual({ id, account: 'ann', url: url + path, ...timing })
      expect(await isListed(id)).toBe(true)
      expect(await runsOf(id)).toMatchObject([{ status: 'RUNNING', trigger: 'SCHEDULE' }])
    }
    for (const { path, status } of jobs) calls.get(path)?.response.writeHead(status).end()
    for (const { id, status } of jobs) {
      await expect.poll(() => read(id), PATIENT).toBe(404)
      expect(await isListed(id)).toBe(false)
      for (const method of ['PUT', 'DELETE']) {
        const body = method === 'PUT' ? { body: JSON.stringify(CRON) } : {}
        expect((await call(`${method} /1/jobs/${id}`, body)).status).toBe(404)
      }
      expect(await runsOf(id)).toMatchObject([
        {
          status: status < 300 ? 'SUCCEEDED' : 'FAILED',
          scheduledFor: new Date(when).toISOString(),
          job: { surface: 'BOOZLES' },
        },
      ])
    }
  }, 40_000)

  it('fires however late, if it has one time', async () => {
    const id = await make({ url: `${url}/late`, when: '2999-01-01T00:00:00Z' })
    const moved = `with moved as (update schedule set at = at - interval '974 years' from job
        where job.schedule_id = schedule.id and job.id = $1::uuid returning at)
      update job set next_run_at = moved.at from moved where job.id = $1::uuid`
    await query(app, moved, [id])
    await query(app, `select pg_notify('runsheet', 'jobs')`)
    ;(await callAt('/late')).response.end()
    await expect.poll(() => read(id), PATIENT).toBe(404)
    expect(await runsOf(id)).toMatchObject([{ status: 'SUCCEEDED', scheduledFor: '2025-01-01T00:00:00.000Z' }])
  })

  it('and gets another time meanwhile stays', async () => {
    const { when } = soon()
    const id = await make({ url: `${url}/meanwhile`, when })
    const { response } = await callAt('/meanwhile')
    const put = await call(`PUT /1/jobs/${id}`, { body: JSON.stringify(CRON) })
    expect(put.status).toBe(200)
    response.end()
    await expect.poll(async () => (await runsOf(id)).map(({ status }) => status), PATIENT).toEqual(['SUCCEEDED'])
    expect(await read(id)).toEqual(JSON.parse(put.text))
    expect(JSON.parse(put.text)).toHaveProperty('next')
  })

  it('and will again stays', async () => {
    const id = await make({ url: `${url}/again`, cron: CRON.cron })
    const before = await read(id)
    await due(id)
    ;(await callAt('/again')).response.end()
    await expect.poll(async () => (await runsOf(id)).map(({ status }) => status), PATIENT).toEqual(['SUCCEEDED'])
    expect(await read(id)).toEqual(before)
    expect(await isListed(id)).toBe(true)
  })

  describe('hands back', () => {
    const SIGNATURE = '507aaa0733464499847c930db95983f8994ae266'

    it.each([
      ['typed', { data: ' {"a": "{{ run.id }}",}\r\nü', contentType: 'text/x; a=b', signature: `sha=${SIGNATURE} ` }],
      ['untyped', { data: 'testing' }],
      ['without-data', { contentType: 'text/plain', signature: SIGNATURE }],
      ['with-none', {}],
    ] as [string, { data?: string; contentType?: string; signature?: string }][])(
      'what it was given, to the letter: %s',
      async (name, given) => {
        const id = await make({ url: `${url}/${name}?a=b`, cron: CRON.cron, ...given })
        await due(id)
        const { request, body, response } = await callAt(`/${name}?a=b`)
        response.end()
        expect(request.method).toBe('POST')
        expect(body.toString()).toBe(given.data ?? '')
        const { headers } = request
        expect(headers['content-type']).toBe(given.data ? (given.contentType ?? 'application/octet-stream') : undefined)
        expect(headers['x-content-signature']).toBe(given.signature?.trim())
        expect(headers['webhook-signature']).toMatch(/^v1,/)
        await expect.poll(async () => (await runsOf(id)).map(({ status }) => status), PATIENT).toEqual(['SUCCEEDED'])
      },
    )

    it('bytes that are no text, as the body of a path had them', async () => {
      const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte)
      const path = `/1/jobs/0+15+10+%3F+*+*/${encodeURIComponent(`${url}/bytes`)}`
      const headers = { 'x-content-signature': SIGNATURE }
      const { text: id } = await call(`POST ${path}`, { accept: 'text/plain', type: 'image/png', body: bytes, headers })
      await due(id)
      const { request, body, response } = await callAt('/bytes')
      response.end()
      expect(body.equals(bytes)).toBe(true)
      expect(request.headers).toMatchObject({ 'content-type': 'image/png', 'x-content-signature': SIGNATURE })
      await expect.poll(async () => (await runsOf(id)).map(({ status }) => status), PATIENT).toEqual(['SUCCEEDED'])
    })
  })

  describe('beside GraphQL', () => {
    const see = async (id: string) =>
      (await app.send(SEE_BOOZLES_JOB, { id: formatId('Job', id) }, { token: ann.token })).data.job

    it('is of its surface, with its next firing', async () => {
      const id = await make({ ...CRON })
      const { next } = await read(id)
      expect(await see(id)).toMatchObject({ surface: 'BOOZLES', enabled: true, schedule: { expression: CRON.cron } })
      expect(formatInstant(new Date((await see(id))?.nextRunAt as string))).toBe(next)
    })

    it('and paused there, stays so whatever it is changed into, and has no next firing', async () => {
      const id = await make(CRON)
      await app.send(PAUSE_BOOZLES_JOB, { id: formatId('Job', id) }, { token: ann.token })
      expect(await read(id)).not.toHaveProperty('next')
      const put = await call(`PUT /1/jobs/${id}`, { body: JSON.stringify({ ...CRON, cron: '0 0 12 ? * SUN' }) })
      expect([put.status, JSON.parse(put.text)]).toEqual([
        200,
        { id, account: 'ann', url: CRON.url, cron: '0 0 12 ? * SUN' },
      ])
      expect(await see(id)).toMatchObject({ enabled: false, nextRunAt: null })
      await app.send(RESUME_BOOZLES_JOB, { id: formatId('Job', id) }, { token: ann.token })
      expect(await read(id)).toMatchObject({ next: expect.stringMatching(/T12:00:00Z$/) })
    })

    it('and changed there, shows the change, unless that is one that its clients could not be shown', async () => {
      const id = await make(CRON)
      const reschedule = async (expression: string) => {
        const variables = { id: formatId('Job', id), expression }
        return (await app.send(RESCHEDULE_BOOZLES_JOB, variables, { token: ann.token })).data.updateJob
      }
      await reschedule('0 30 9 ? * *')
      expect(await read(id)).toMatchObject({ cron: '0 30 9 ? * *', next: expect.stringMatching(/T09:30:00Z$/) })
      expect(await reschedule('0 0/5 * * * ?')).toMatchObject({ code: 'SURFACE' })
      expect(await read(id)).toMatchObject({ cron: '0 30 9 ? * *' })
    })
  })
})
