/** Real processes, killed as the kernel kills. What their engine does inside is tested beside this file. */
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { graphql } from '../generated/index.ts'
import { actions } from '../jobs/operations.ts'
import { ADMIN_TOKEN, type TestApp } from '../support/app.ts'
import { makeJob, publishSite } from '../support/people.ts'
import { startReceiver } from '../support/receiver.ts'
import { rest } from '../support/rest.ts'
import { endAll, type LogLine, launch, type RunsheetProcess, sharedDatabase, start } from './launch.ts'

const PATIENCE_MS = 120_000

const RUN_STORY = graphql(`
  query RunStory($id: ID!) {
    run(id: $id) { status losses attempts { attempt status error { code } } }
  }
`)
const JOB_SLOTS = graphql(`
  query JobSlots($id: ID!) {
    job(id: $id) { enabled runs(first: 100) { edges { node { status scheduledFor skippedCount } } } }
  }
`)

const folders: string[] = []

let databaseUrl: string
let dataDir: string
/** Two processes on one database, and one on a database of its own. Starting takes longest, so they start together. */
let nodes: [RunsheetProcess, RunsheetProcess]
let alone: RunsheetProcess
/** Of all processes that ran on the folder. */
const logs: LogLine[][] = []

beforeAll(async () => {
  const shared = await sharedDatabase()
  databaseUrl = shared.DATABASE_URL
  dataDir = mkdtempSync(path.join(tmpdir(), 'runsheet-processes-'))
  chmodSync(dataDir, 0o755)
  folders.push(dataDir)
  const env = { ...shared, DRAIN_SECONDS: '20' }
  const [one, two, third] = await Promise.all([start(env), start(env), start({ DATA_DIR: dataDir })])
  nodes = [one, two]
  alone = third
  logs.push(alone.log)
}, PATIENCE_MS)

afterAll(async () => {
  await endAll()
  // A database whose last owner was killed runs on.
  for (const { msg, pid } of logs.flat()) {
    if (!msg?.startsWith('PostgreSQL') || !pid || !isAlive(pid)) continue
    process.kill(pid, 'SIGINT')
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false)
  }
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function run(api: TestApp, jobId: string): Promise<string> {
  const answer = await actions(api).run(jobId)
  if (answer?.__typename !== 'Run') throw new Error(JSON.stringify(answer))
  return answer.id
}
const story = async (api: TestApp, id: string) => (await api.send(RUN_STORY, { id })).data.run
const statusOf = async (api: TestApp, id: string) => (await story(api, id))?.status

/** A receiver whose first call waits for the test; the others are answered at once. */
async function startHoldingReceiver() {
  const held: ServerResponse[] = []
  const receiver = await startReceiver((response) => (held.length === 0 ? held.push(response) : response.end('ok')))
  return { ...receiver, calls: receiver.calls, answer: () => held[0]?.end('ok') }
}

const RESCUED = {
  status: 'SUCCEEDED',
  losses: 1,
  attempts: [
    { attempt: 1, status: 'LOST', error: { code: 'LOST' } },
    { attempt: 2, status: 'SUCCEEDED', error: null },
  ],
}

it(
  'another process finishes what a killed one had begun; and one that is told to stop finishes its own first',
  async () => {
    const client = new pg.Client(databaseUrl)
    await client.connect()

    const receiver = await startHoldingReceiver()
    const { id: jobId } = await makeJob(nodes[0].api, ADMIN_TOKEN, { actions: [{ webhook: { url: receiver.url } }] })
    const runId = await run(nodes[0].api, jobId)
    await expect.poll(() => receiver.calls.length, { timeout: 10_000 }).toBe(1)
    const { rows } = await client.query('select pid from node where id = (select lease_owner from run_queue)')
    const victim = nodes.find(({ child }) => child.pid === rows[0]?.pid)
    const [survivor] = nodes.filter((node) => node !== victim)
    if (!victim || !survivor) throw new Error('no node works on the run')
    expect(await victim.kill('SIGKILL')).toBe('SIGKILL')
    await expect.poll(() => statusOf(survivor.api, runId), { timeout: 10_000 }).toBe('SUCCEEDED')
    expect(await story(survivor.api, runId)).toEqual(RESCUED)
    expect(receiver.calls.map(({ headers }) => headers['webhook-id'])).toEqual([
      receiver.calls[0]?.headers['webhook-id'],
      receiver.calls[0]?.headers['webhook-id'],
    ])
    await expect
      .poll(async () => (await client.query('select pid from node')).rows)
      .toEqual([{ pid: survivor.child.pid }])

    const slow = await startHoldingReceiver()
    const { id: slowId } = await makeJob(survivor.api, ADMIN_TOKEN, { actions: [{ webhook: { url: slow.url } }] })
    await run(survivor.api, slowId)
    await expect.poll(() => slow.calls.length, { timeout: 10_000 }).toBe(1)
    const exited = survivor.kill('SIGTERM')
    await expect.poll(survivor.messages, { timeout: 10_000 }).toContain('stopping')
    slow.answer()
    expect(await exited).toBe(0)
    const { rows: ends } = await client.query('select status, attempt from run where job_id = $1', [slowId.slice(4)])
    expect(ends).toEqual([{ status: 'SUCCEEDED', attempt: 1 }])
    expect((await client.query('select from node')).rowCount).toBe(0)
    await client.end()
  },
  PATIENCE_MS,
)

it(
  'a process on its own database goes on after a kill where it was: sites, jobs, runs, slots, and what comes once',
  async () => {
    const first = alone
    const site = await publishSite(first.api, 'kept', ADMIN_TOKEN)
    const receiver = await startHoldingReceiver()
    const { id: heldId } = await makeJob(first.api, ADMIN_TOKEN, { actions: [{ webhook: { url: receiver.url } }] })
    const runId = await run(first.api, heldId)
    await expect.poll(() => receiver.calls.length, { timeout: 10_000 }).toBe(1)
    const ticks = await startReceiver()
    const { id: tickId } = await makeJob(first.api, ADMIN_TOKEN, {
      schedule: { every: { seconds: 1 } },
      actions: [{ webhook: { url: ticks.url } }],
    })
    await expect.poll(() => ticks.calls.length, { timeout: 10_000 }).toBeGreaterThan(0)
    const fleeting = await startHoldingReceiver()
    const when = new Date(Date.now() + 1_000).toISOString()
    const made = await rest(first.api, 'POST /1/jobs', { body: { url: fleeting.url, data: 'once', when } })
    expect(made).toMatchObject({ status: 201, body: { data: 'once' } })
    await expect.poll(() => fleeting.calls.length, { timeout: 10_000 }).toBe(1)
    await first.kill('SIGKILL')
    const before = ticks.calls.length

    const second = await start({ DATA_DIR: dataDir })
    const { api } = second
    logs.push(second.log)
    expect(second.messages()).toContain('PostgreSQL adopted')
    await expect.poll(() => statusOf(api, runId), { timeout: 10_000 }).toBe('SUCCEEDED')
    expect(await story(api, runId)).toEqual(RESCUED)
    expect(await (await fetch(`${api.url}/a/${site.slug}/?_raw`)).text()).toBe('kept')
    await expect.poll(() => ticks.calls.length, { timeout: 10_000 }).toBeGreaterThan(before + 1)
    const { job } = (await api.send(JOB_SLOTS, { id: tickId })).data
    const slots = (job?.runs.edges ?? []).flatMap(({ node: { scheduledFor, skippedCount } }) =>
      Array.from({ length: skippedCount ?? 1 }, (_, index) => Date.parse(scheduledFor ?? '') + index * 1000),
    )
    slots.sort((a, b) => a - b)
    expect(job?.enabled).toBe(true)
    expect(slots).toEqual(slots.map((_, index) => (slots[0] ?? 0) + index * 1000))
    // One that was to run once was under way: it was done over, and with that it is gone.
    const read = async () => (await rest(api, `GET /1/jobs/${made.body.id}`)).status
    await expect.poll(read, { timeout: 10_000 }).toBe(404)
    expect(fleeting.calls.map(({ body }) => body)).toEqual(['once', 'once'])
    expect((await rest(api, 'GET /1/jobs')).body).toEqual([])
    expect(await second.kill('SIGTERM')).toBe(0)
  },
  PATIENCE_MS,
)

it(
  'a process with a wrong configuration ends with 2 and one line that names the variable',
  async () => {
    const { ended, log, said } = launch({ LEASE_SECONDS: 'ten' })
    expect(await ended).toBe(2)
    expect(log).toEqual([])
    expect(said).toEqual([expect.stringMatching(/^LEASE_SECONDS: ./)])
  },
  PATIENCE_MS,
)

it(
  'a process that is frozen longer than its lease is replaced; thawed, it changes nothing of that, and works on',
  async () => {
    const env = { ...(await sharedDatabase()), LEASE_SECONDS: '2' }
    const pair = await Promise.all([start(env), start(env)])
    const client = new pg.Client(env.DATABASE_URL)
    await client.connect()
    const receiver = await startHoldingReceiver()
    const { id: jobId } = await makeJob(pair[0].api, ADMIN_TOKEN, { actions: [{ webhook: { url: receiver.url } }] })
    const runId = await run(pair[0].api, jobId)
    await expect.poll(() => receiver.calls.length, { timeout: 10_000 }).toBe(1)
    const { rows } = await client.query('select pid from node where id = (select lease_owner from run_queue)')
    const frozen = pair.find(({ child }) => child.pid === rows[0]?.pid)
    const peer = pair.find((node) => node !== frozen)
    if (!frozen || !peer) throw new Error('no node works on the run')

    frozen.child.kill('SIGSTOP')
    await expect.poll(() => statusOf(peer.api, runId), { timeout: 30_000 }).toBe('SUCCEEDED')
    expect(await story(peer.api, runId)).toEqual(RESCUED)
    const [before] = (await client.query('select to_json(r) as run from run r')).rows
    const events = (await client.query('select from run_event')).rowCount
    receiver.answer()
    frozen.child.kill('SIGCONT')
    expect(await peer.kill('SIGTERM')).toBe(0)
    const next = await run(frozen.api, jobId)
    await expect.poll(() => statusOf(frozen.api, next), { timeout: 30_000 }).toBe('SUCCEEDED')
    expect(await frozen.readiness()).toEqual([200])
    expect(await frozen.kill('SIGTERM')).toBe(0)
    expect((await client.query('select to_json(r) as run from run r where id = $1', [before.run.id])).rows).toEqual([
      before,
    ])
    expect((await client.query('select from run_event where run_id = $1', [before.run.id])).rowCount).toBe(events)
    expect(receiver.calls).toHaveLength(3)
    await client.end()
  },
  PATIENCE_MS,
)

it(
  'a process that is told to stop is not ready, waits for its limit, sends its sockets away and gives back what still runs',
  async () => {
    const env = { ...(await sharedDatabase()), DRAIN_SECONDS: '2' }
    const first = await start(env)
    const receiver = await startHoldingReceiver()
    const { id: jobId } = await makeJob(first.api, ADMIN_TOKEN, { actions: [{ webhook: { url: receiver.url } }] })
    const runId = await run(first.api, jobId)
    await expect.poll(() => receiver.calls.length, { timeout: 10_000 }).toBe(1)
    const socket = new WebSocket(`${first.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
    await once(socket, 'open')
    const closed = once(socket, 'close')

    const exited = first.kill('SIGTERM')
    await expect.poll(first.readiness, { timeout: 10_000 }).toEqual([503, 'the node is stopping'])
    expect(await statusOf(first.api, runId)).toBe('RUNNING')
    const later = await run(first.api, jobId)
    expect((await closed)[0]).toBe(1012)
    expect(await exited).toBe(0)
    expect(receiver.calls).toHaveLength(1)

    const second = await start(env)
    for (const id of [runId, later]) {
      await expect.poll(() => statusOf(second.api, id), { timeout: 30_000 }).toBe('SUCCEEDED')
      expect(await story(second.api, id)).toEqual({
        status: 'SUCCEEDED',
        losses: 0,
        attempts: [{ attempt: 1, status: 'SUCCEEDED', error: null }],
      })
    }
    expect(await second.kill('SIGTERM')).toBe(0)
  },
  PATIENCE_MS,
)
