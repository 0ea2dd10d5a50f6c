import http from 'node:http'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createMetrics } from '../../src/http/metrics.ts'
import { STREAMING } from '../graphql/transports.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { makeJob, NOWHERE, type Person, post, publishSite, query, signUp } from '../support/people.ts'
import { startReceiver } from '../support/receiver.ts'

let app: TestApp
let alice: Person
beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
})
afterAll(() => app?.stop())

const PATIENT = { timeout: 15_000 }

async function scrape(node = app): Promise<string> {
  const response = await fetch(`${node.url}/metrics`)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  return response.text()
}

/** The value of a sample such as `name{label="value"}`; 0 when there is none. */
const valueIn = (text: string, sample: string): number => {
  const line = text.split('\n').find((each) => each.startsWith(`${sample} `))
  return line ? Number(line.slice(sample.length)) : 0
}
const read = async (sample: string) => valueIn(await scrape(), sample)
const uuid = (id: string) => id.split('_')[1]
const run = async (jobId: string) =>
  post(
    app,
    { query: 'mutation($id: ID!) { runJob(input: { jobId: $id }) { __typename } }', variables: { id: jobId } },
    alice.token,
  )

describe('metrics', () => {
  it('count runs that ended, by how they did, and how long they waited for their start', async () => {
    const receiver = await startReceiver()
    const good = await makeJob(app, alice.token, { actions: [{ webhook: { url: receiver.url } }] })
    const bad = await makeJob(app, alice.token, { actions: [NOWHERE] })
    const before = await scrape()
    for (const { id } of [good, good, bad]) await run(id)
    const ended = (status: string) => `runsheet_runs_total{status="${status}"}`
    await expect.poll(() => read(ended('SUCCEEDED')), PATIENT).toBe(valueIn(before, ended('SUCCEEDED')) + 2)
    await expect.poll(() => read(ended('FAILED')), PATIENT).toBe(valueIn(before, ended('FAILED')) + 1)
    const after = await scrape()
    const delays = 'runsheet_slot_delay_seconds_count'
    expect(valueIn(after, delays)).toBe(valueIn(before, delays) + 3)
    expect(valueIn(after, 'runsheet_slot_delay_seconds_sum')).toBeGreaterThan(0)
  })

  it('count slots that did not become work, each slot of a range', async () => {
    const { id } = await makeJob(app, alice.token, { schedule: { every: { seconds: 60 } }, actions: [NOWHERE] })
    await query(
      app,
      `update job set next_run_at = next_run_at - interval '1 hour', anchor = anchor - interval '2 hours' where id = $1`,
      [uuid(id)],
    )
    await query(app, `select pg_notify('runsheet', 'jobs')`)
    const slots = 'select skipped_count as count from run where job_id = $1 and skip_reason = $2'
    await expect.poll(() => query(app, slots, [uuid(id), 'MISFIRE']), PATIENT).toHaveLength(1)
    const [{ count } = { count: 0 }] = await query<{ count: number }>(app, slots, [uuid(id), 'MISFIRE'])
    expect(count).toBeGreaterThan(50)
    await expect.poll(() => read('runsheet_skipped_total{reason="MISFIRE"}'), PATIENT).toBe(count)
    expect(await read('runsheet_runs_total{status="SKIPPED"}')).toBe(1)
  })

  it('count attempts that were taken over, and show the queue while they run', async () => {
    const held: http.ServerResponse[] = []
    const receiver = await startReceiver((response) => {
      if (held.push(response) > 1) response.end('ok')
    })
    const { id } = await makeJob(app, alice.token, { actions: [{ webhook: { url: receiver.url } }] })
    await run(id)
    await expect.poll(() => held.length, PATIENT).toBe(1)
    await run(id)
    await expect.poll(() => read('runsheet_queue_depth{state="leased"}'), PATIENT).toBe(1)
    await expect.poll(() => read('runsheet_queue_depth{state="waiting"}'), PATIENT).toBe(1)
    const before = await read('runsheet_lease_lost_total')
    await query(
      app,
      `update run_queue set lease_owner = gen_random_uuid(), lease_until = clock_timestamp() - interval '1 hour'
      where job_id = $1 and lease_owner is not null`,
      [uuid(id)],
    )
    await expect.poll(() => read('runsheet_lease_lost_total'), PATIENT).toBe(before + 1)
    for (const state of ['leased', 'waiting', 'ready']) {
      await expect.poll(() => read(`runsheet_queue_depth{state="${state}"}`), PATIENT).toBe(0)
    }
  })

  it.each(STREAMING.map((transport) => [transport.name, transport] as const))(
    'show who is subscribed over %s, and time what was asked but not how long they stay',
    async (_name, transport) => {
      const before = await scrape()
      const streams = [1, 2].map(() =>
        transport.stream(app, { query: 'subscription { runEvents(after: "") { seq } }', token: alice.token }),
      )
      await Promise.all(streams.map((stream) => stream.next()))
      expect(await read('runsheet_subscribers')).toBe(2)
      await Promise.all(streams.map((stream) => stream.return(undefined)))
      await expect.poll(() => read('runsheet_subscribers'), PATIENT).toBe(0)
      await post(app, { query: '{ viewer { handle } }' }, alice.token)
      const after = await scrape()
      for (const [type, count] of [
        ['query', 1],
        ['mutation', 0],
        ['subscription', 2],
      ] as const) {
        const sample = `runsheet_graphql_duration_seconds_count{type="${type}"}`
        expect(valueIn(after, sample), type).toBe(valueIn(before, sample) + count)
      }
      const posts = 'runsheet_http_request_duration_seconds_count{method="POST",route="/graphql",status="200"}'
      await expect.poll(() => read(posts), PATIENT).toBe(valueIn(before, posts) + 1)
    },
  )

  it('have few labels, whatever is asked for', async () => {
    await publishSite(app, 'shop', alice.token)
    const { port } = new URL(app.url)
    const ask = (method: string, path: string, host = `localhost:${port}`) =>
      new Promise<void>((resolve, reject) => {
        const request = http.request({ port, host: '127.0.0.1', method, path, headers: { host } }, (response) =>
          response.resume().once('end', resolve),
        )
        request.once('error', reject).end()
      })
    for (let n = 0; n < 20; n++) await ask('GET', `/nowhere/${n}`)
    await ask('PURGE', '/')
    await ask('GET', '/a/shop/')
    await ask('GET', `/uploads/${'0'.repeat(64)}`)
    await ask('GET', '/metrics', `shop.localhost:${port}`)
    await ask('HEAD', '/health/live')
    const samples = [
      'method="GET",route="other",status="404"',
      'method="other",route="/",status="302"',
      'method="GET",route="/a",status="200"',
      'method="GET",route="/uploads",status="405"',
      'method="GET",route="site",status="404"',
      'method="HEAD",route="/health/live",status="200"',
    ]
    const count = (labels: string) => read(`runsheet_http_request_duration_seconds_count{${labels}}`)
    await expect.poll(() => count(samples[0] ?? ''), PATIENT).toBe(20)
    for (const labels of samples.slice(1)) await expect.poll(() => count(labels), PATIENT).toBe(1)
    const routes = new Set([...(await scrape()).matchAll(/route="([^"]*)"/g)].map(([, route]) => route))
    expect([...routes].sort()).toEqual(['/', '/a', '/graphql', '/health/live', '/metrics', '/uploads', 'other', 'site'])
  })

  it('have what Node tells of the process', async () => {
    expect(await read('process_start_time_seconds')).toBeGreaterThan(0)
    expect(await scrape()).toContain('nodejs_eventloop_lag_seconds')
  })

  it('can be read of a node that only works', async () => {
    const worker = await createTestApp({ DATABASE_URL: app.databaseUrl, ROLE: 'worker' })
    expect(await scrape(worker)).toContain('runsheet_queue_depth{state="leased"}')
    await worker.stop()
  })
})

describe('the queue', () => {
  it('is counted once for all who scrape together', async () => {
    const queueDepth = vi.fn(async () => ({ waiting: 1, ready: 2, leased: 3 }))
    const metrics = createMetrics({ subscribers: () => 0, busIsAway: () => false, queueDepth })
    const bodies = await Promise.all([1, 2, 3].map(async () => (await metrics.render()).body))
    expect(queueDepth).toHaveBeenCalledTimes(1)
    for (const body of bodies) expect(valueIn(body, 'runsheet_queue_depth{state="ready"}')).toBe(2)
  })

  it.each([
    ['fails', () => Promise.reject(new Error('gone'))],
    ['does not answer', () => new Promise<never>(() => {})],
  ])('is left out, and nothing else, when the database %s', async (_how, queueDepth) => {
    const metrics = createMetrics({ subscribers: () => 7, busIsAway: () => true, queueDepth, patienceMs: 1 })
    const { body } = await metrics.render()
    expect(body).not.toContain('runsheet_queue_depth{')
    expect(valueIn(body, 'runsheet_subscribers')).toBe(7)
  })
})
