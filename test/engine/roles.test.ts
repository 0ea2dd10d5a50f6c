/** Nodes that only serve beside nodes that only work, as processes. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../generated/index.ts'
import { actions } from '../jobs/operations.ts'
import { ADMIN_TOKEN, type TestApp } from '../support/app.ts'
import { makeJob } from '../support/people.ts'
import { startReceiver } from '../support/receiver.ts'
import { startWatcher } from './chaos/watcher.ts'
import { endAll, type RunsheetProcess, sharedDatabase, start } from './launch.ts'

const PATIENCE_MS = 120_000
const STATUS = graphql(`query StatusOfRun($id: ID!) { run(id: $id) { status } }`)

let env: Record<string, string>
let api: RunsheetProcess
let worker: RunsheetProcess

beforeAll(async () => {
  env = await sharedDatabase()
  ;[api, worker] = await Promise.all([start({ ...env, ROLE: 'api' }), start({ ...env, ROLE: 'worker' })])
}, PATIENCE_MS)
afterAll(endAll)

const statusOf = async (app: TestApp, id: string) => (await app.send(STATUS, { id })).data.run?.status

async function run(jobId: string): Promise<string> {
  const answer = await actions(api.api).run(jobId)
  if (answer?.__typename !== 'Run') throw new Error(JSON.stringify(answer))
  return answer.id
}

describe('a worker', () => {
  it('answers probes, and tells everybody else what it is', async () => {
    expect(await worker.readiness()).toEqual([200])
    expect((await fetch(`${worker.url}/health/live`)).status).toBe(200)
    for (const path of ['/', '/graphql', '/a/site/', '/health']) {
      const response = await fetch(worker.url + path, { redirect: 'manual' })
      expect([response.status, await response.json()]).toEqual([404, { error: expect.stringContaining('worker') }])
    }
  })

  it('does what an api node was asked for, and the api node shows it live', async () => {
    const receiver = await startReceiver()
    const watcher = startWatcher(() => api.url, ADMIN_TOKEN)
    const { id } = await makeJob(api.api, ADMIN_TOKEN, { actions: [{ webhook: { url: receiver.url } }] })
    const runId = await run(id)
    await expect.poll(() => watcher.seen, { timeout: 30_000 }).toEqual([1, 2, 3, 4, 5].map((seq) => `${runId} ${seq}`))
    watcher.close()
    expect(await statusOf(api.api, runId)).toBe('SUCCEEDED')
    expect(receiver.calls).toHaveLength(1)
    const client = new pg.Client(env.DATABASE_URL)
    await client.connect()
    expect((await client.query('select pid from node')).rows).toEqual([{ pid: worker.child.pid }])
    await client.end()
  })

  it(
    'is missed: runs wait for the next one, while the api node is well',
    async () => {
      const receiver = await startReceiver()
      const { id } = await makeJob(api.api, ADMIN_TOKEN, {
        schedule: { every: { seconds: 1 } },
        overlap: 'ALLOW',
        actions: [{ webhook: { url: receiver.url } }],
      })
      await expect.poll(() => receiver.calls.length, { timeout: 30_000 }).toBeGreaterThan(0)
      expect(await worker.kill('SIGTERM')).toBe(0)
      const before = receiver.calls.length
      const runId = await run(id)
      expect(await api.readiness()).toEqual([200])
      // As long as a slot would need, if anybody fired it.
      const slotAfter = Date.now() + 2_000
      await expect.poll(() => Date.now(), { timeout: 10_000 }).toBeGreaterThan(slotAfter)
      expect(await statusOf(api.api, runId)).toBe('QUEUED')
      expect(receiver.calls).toHaveLength(before)
      worker = await start({ ...env, ROLE: 'worker' })
      await expect.poll(() => statusOf(api.api, runId), { timeout: 30_000 }).toBe('SUCCEEDED')
      await expect.poll(() => receiver.calls.length, { timeout: 30_000 }).toBeGreaterThan(before + 1)
    },
    PATIENCE_MS,
  )
})
