/** Real processes, killed as the kernel kills. What their engine does inside is tested beside this file. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { graphql } from '../generated/index.ts'
import { actions } from '../jobs/operations.ts'
import { ADMIN_TOKEN, type Answer, type TestApp } from '../support/app.ts'
import { createTestConnection } from '../support/database.ts'
import { makeJob, publishSite } from '../support/people.ts'
import { deferred, startReceiver } from '../support/receiver.ts'

const checkout = path.resolve(import.meta.dirname, '../..')
const PATIENCE_MS = 60_000

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

type LogLine = { msg?: string; pid?: number; url?: string }
const children: ChildProcess[] = []
const folders: string[] = []
const servers = new Set<number>()

let databaseUrl: string
let dataDir: string
type Node = Awaited<ReturnType<typeof start>>
/** Two processes on one database, and one on a database of its own. Starting takes longest, so they start together. */
let nodes: [Node, Node]
let alone: Node

beforeAll(async () => {
  const { user, password, host, port, database } = await createTestConnection()
  databaseUrl = `postgresql://${user}:${password}@${host}:${port}/${database}`
  dataDir = mkdtempSync(path.join(tmpdir(), 'runsheet-processes-'))
  chmodSync(dataDir, 0o755)
  folders.push(dataDir)
  const env = { DATABASE_URL: databaseUrl, SECRET_KEY: '0'.repeat(64), DRAIN_SECONDS: '20' }
  const [one, two, third] = await Promise.all([start(env), start(env), start({ DATA_DIR: dataDir })])
  nodes = [one, two]
  alone = third
}, PATIENCE_MS)

afterAll(async () => {
  for (const child of children) if (child.exitCode === null && child.signalCode === null) await kill(child, 'SIGKILL')
  // A database whose last owner was killed runs on.
  for (const pid of servers) {
    try {
      process.kill(pid, 'SIGINT')
      await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false)
    } catch {}
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

/** Answers the exit code, or the signal. */
async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<number | NodeJS.Signals> {
  const exited = once(child, 'exit')
  child.kill(signal)
  const [code, ended] = await exited
  return code ?? ended
}

function launch(env: Record<string, string>) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
    cwd: checkout,
    env: { PATH: process.env.PATH, PORT: '0', ADMIN_TOKEN, EGRESS_ALLOW_CIDRS: '127.0.0.0/8', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  return child
}

/** A server that is ready, and a client of its API. */
async function start(env: Record<string, string>) {
  const child = launch(env)
  child.stderr?.resume()
  const ready = deferred<string>()
  const log: LogLine[] = []
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
    const entry: LogLine = JSON.parse(line)
    log.push(entry)
    if (entry.msg?.startsWith('PostgreSQL') && entry.pid) servers.add(entry.pid)
    if (entry.msg === 'ready') ready.resolve(entry.url ?? '')
  })
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`it ended with ${code}`)))
  const url = await Promise.race([ready.promise, ended])
  ended.catch(() => {})
  const send: TestApp['send'] = async (document, variables) => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${ADMIN_TOKEN}` },
      body: JSON.stringify({ query: document.toString(), variables }),
    })
    return (await response.json()) as Answer<never>
  }
  return { child, log, api: { url, send } as TestApp }
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
    expect(await kill(victim.child, 'SIGKILL')).toBe('SIGKILL')
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
    const exited = kill(survivor.child, 'SIGTERM')
    await expect.poll(() => survivor.log.map(({ msg }) => msg), { timeout: 10_000 }).toContain('stopping')
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
  'a process on its own database goes on after a kill where it was: sites, jobs, runs and slots',
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
    await kill(first.child, 'SIGKILL')
    const before = ticks.calls.length

    const { child, api, log } = await start({ DATA_DIR: dataDir })
    expect(log.map(({ msg }) => msg)).toContain('PostgreSQL adopted')
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
    expect(await kill(child, 'SIGTERM')).toBe(0)
  },
  PATIENCE_MS,
)

it(
  'a process with a wrong configuration ends with 2 and one line that names the variable',
  async () => {
    const child = launch({ LEASE_SECONDS: 'ten' })
    let [out, err] = ['', '']
    child.stdout?.on('data', (text) => {
      out += text
    })
    child.stderr?.on('data', (text) => {
      err += text
    })
    expect(await once(child, 'close')).toEqual([2, null])
    expect(out).toBe('')
    expect(err).toMatch(/^LEASE_SECONDS: [^\n]+\n$/)
  },
  PATIENCE_MS,
)
