/**
 * How soon another node does what one had begun that was killed, frozen, or cut off from the network: from that moment to
 * the receiver's having the second call. Default settings, a PostgreSQL of its own with durable settings.
 *
 *     node --import tsx bench/takeover.ts [kill] [freeze] [cut]
 *
 * `cut` needs root and Linux: it runs in a network namespace of its own, with the worker in another, joined by a veth pair.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { CHAOS_TOKEN, createApi } from '../test/engine/chaos/api.ts'
import { createNode, type NodeProcess } from '../test/engine/chaos/node.ts'
import { type OwnPostgres, startPostgres } from '../test/engine/chaos/postgres.ts'

const ROUNDS = { kill: Number(process.env.ROUNDS ?? 10), freeze: 3, cut: 3 }
const FROZEN_MS = 30_000
const CUT_MS = 30_000
const GIVE_UP_MS = 120_000
const HERE = '10.231.7.1'
const THERE = '10.231.7.2'
const INSIDE = 'inside'

type Way = keyof typeof ROUNDS

const now = () => performance.now()
const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`
const command = (file: string, ...args: string[]) => execFileSync(file, args, { encoding: 'utf8' })

async function until<Value>(what: string, look: () => Value | Promise<Value>): Promise<NonNullable<Value>> {
  for (const end = now() + GIVE_UP_MS; now() < end; await sleep(5)) {
    const value = await look()
    if (value) return value
  }
  throw new Error(`waited in vain: ${what}`)
}

/** Holds the first call to each path until the round is over, and answers the others. */
async function startReceiver(host: string) {
  const calls = new Map<string, number[]>()
  const held: ServerResponse[] = []
  const server = createServer((request, response) => {
    const times = calls.get(request.url ?? '') ?? []
    calls.set(request.url ?? '', [...times, now()])
    request.resume()
    if (times.length === 0) held.push(response)
    else response.end('done')
  })
  server.listen(0, host)
  await once(server, 'listening')
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    calls: (path: string) => calls.get(path) ?? [],
    release() {
      for (const response of held.splice(0)) response.end('done')
    },
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

const CREATE = `mutation($input: CreateJobInput!) { createJob(input: $input) { ... on Job { id } ... on Error { message } } }`
const RUN = `mutation($input: RunJobInput!) { runJob(input: $input) { ... on Run { id } ... on Error { message } } }`

async function open(postgres: OwnPostgres, host: string, more: Record<string, string> = {}) {
  const receiver = await startReceiver(host)
  const env = { DATABASE_URL: postgres.url, SECRET_KEY: '0'.repeat(64), ADMIN_TOKEN: CHAOS_TOKEN, ...more }
  const client = new pg.Client(postgres.url)
  await client.connect()
  return {
    receiver,
    env,
    client,
    /** Starts a run that calls the receiver at a path of its own. */
    async begin(node: NodeProcess, to: string) {
      const api = createApi(() => node.url)
      const actions = [{ webhook: { url: receiver.url + to } }]
      const { id: jobId } = await api.mutate<{ id: string }>(CREATE, { actions }, GIVE_UP_MS)
      const { id } = await api.mutate<{ id: string }>(RUN, { jobId }, GIVE_UP_MS)
      await until('the first call', () => receiver.calls(to).length > 0)
      return `${id.slice(4, 12)}-${id.slice(12, 16)}-${id.slice(16, 20)}-${id.slice(20, 24)}-${id.slice(24)}`
    },
    async holder(runId: string) {
      const text = 'select pid from node where id = (select lease_owner from run_queue where run_id = $1)'
      return (await client.query<{ pid: number }>(text, [runId])).rows[0]?.pid
    },
    async attempts(runId: string) {
      const text = 'select status from run_attempt where run_id = $1 order by attempt'
      await until('the end of the run', async () => {
        const { rowCount } = await client.query('select from run_queue where run_id = $1', [runId])
        return rowCount === 0
      })
      return (await client.query<{ status: string }>(text, [runId])).rows.map(({ status }) => status).join(', ')
    },
    async close() {
      receiver.close()
      await client.end()
    },
  }
}

type Bench = Awaited<ReturnType<typeof open>>

/** Time to the second call, and what is to be told. */
type Round = { ms: number; told: string }

async function killOrFreeze(way: 'kill' | 'freeze', bench: Bench, nodes: NodeProcess[], round: number): Promise<Round> {
  const to = `/${way}/${round}`
  const runId = await bench.begin(nodes[round % nodes.length] as NodeProcess, to)
  const pid = await bench.holder(runId)
  const victim = nodes.find((node) => node.pid() === pid)
  const peer = nodes.find((node) => node !== victim)
  if (!victim || !peer) throw new Error('no node works on the run')
  const began = now()
  if (way === 'kill') await victim.kill()
  else victim.freeze()
  await until('the second call', () => bench.receiver.calls(to).length > 1)
  const ms = (bench.receiver.calls(to)[1] ?? Number.NaN) - began
  if (way === 'kill') {
    victim.start()
    await victim.ready()
    return { ms, told: await bench.attempts(runId) }
  }
  await sleep(FROZEN_MS - (now() - began))
  const before = await bench.attempts(runId)
  victim.thaw()
  const thawed = now()
  bench.receiver.release()
  await victim.ready()
  const readyMs = now() - thawed
  await peer.stop()
  const next = await bench.begin(victim, `${to}/next`)
  const worksMs = now() - thawed
  bench.receiver.release()
  await bench.attempts(next)
  peer.start()
  await peer.ready()
  const after = await bench.attempts(runId)
  const same = before === after ? 'unchanged' : `changed to ${after}`
  return {
    ms,
    told: `${before}; thawed: ${same}, ready after ${seconds(readyMs)}, works (peer stopped first) after ${seconds(worksMs)}`,
  }
}

async function cut(bench: Bench, there: string[], round: number): Promise<Round> {
  const to = `/cut/${round}`
  const api = await createNode('api', { ...bench.env, ROLE: 'api' })
  const victim = await createNode('victim', { ...bench.env, ROLE: 'worker' }, { through: there, host: THERE })
  const peer = await createNode('peer', { ...bench.env, ROLE: 'worker' })
  api.start()
  victim.start()
  await Promise.all([api.ready(), victim.ready()])
  const runId = await bench.begin(api, to)
  peer.start()
  await peer.ready()
  const began = now()
  command('ip', 'link', 'set', 'rs-here', 'down')
  await until('the second call', () => bench.receiver.calls(to).length > 1)
  const ms = (bench.receiver.calls(to)[1] ?? Number.NaN) - began
  await sleep(CUT_MS - (now() - began))
  const before = await bench.attempts(runId)
  command('ip', 'link', 'set', 'rs-here', 'up')
  const healed = now()
  bench.receiver.release()
  await victim.ready()
  const readyMs = now() - healed
  await peer.stop()
  const next = await bench.begin(api, `${to}/next`)
  const worksMs = now() - healed
  bench.receiver.release()
  await bench.attempts(next)
  const after = await bench.attempts(runId)
  await Promise.all([api.stop(), victim.stop()])
  const same = before === after ? 'unchanged' : `changed to ${after}`
  const faults = [api, victim, peer].flatMap((node) => node.faults).join('; ')
  return {
    ms,
    told: `${before}; healed: ${same}, ready after ${seconds(readyMs)}, works (peer stopped first) after ${seconds(worksMs)} ${faults}`,
  }
}

function report(way: Way, rounds: Round[]) {
  const sorted = rounds.map(({ ms }) => ms).sort((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  console.log(`| ${way} | ${rounds.length} | ${seconds(median)} | ${seconds(sorted.at(-1) ?? Number.NaN)} |`)
  for (const { ms, told } of rounds) console.error(`  ${way}: ${seconds(ms)}; attempts ${told}`)
}

async function measure(way: 'kill' | 'freeze') {
  const postgres = await startPostgres()
  const bench = await open(postgres, '127.0.0.1')
  const nodes = [await createNode('one', bench.env), await createNode('two', bench.env)]
  try {
    for (const node of nodes) node.start()
    await Promise.all(nodes.map((node) => node.ready()))
    const rounds: Round[] = []
    for (let round = 0; round < ROUNDS[way]; round++) rounds.push(await killOrFreeze(way, bench, nodes, round))
    report(way, rounds)
  } finally {
    await Promise.all(nodes.map((node) => node.kill()))
    await bench.close()
    await postgres.remove()
  }
}

/** In a namespace that this process has for itself. */
async function measureCut() {
  command('ip', 'link', 'set', 'lo', 'up')
  command('ip', 'link', 'add', 'rs-here', 'type', 'veth', 'peer', 'name', 'rs-there')
  const holder = spawn('unshare', ['-n', 'sleep', '3600'], { stdio: 'ignore' })
  const isApart = () => readlinkSync(`/proc/${holder.pid}/ns/net`) !== readlinkSync('/proc/self/ns/net')
  await until('the second namespace', isApart)
  const there = ['nsenter', '-t', String(holder.pid), '-n']
  const inside = (...args: string[]) => command(there[0] as string, ...there.slice(1), 'ip', ...args)
  command('ip', 'link', 'set', 'rs-there', 'netns', String(holder.pid))
  command('ip', 'addr', 'add', `${HERE}/30`, 'dev', 'rs-here')
  command('ip', 'link', 'set', 'rs-here', 'up')
  inside('addr', 'add', `${THERE}/30`, 'dev', 'rs-there')
  inside('link', 'set', 'rs-there', 'up')
  inside('link', 'set', 'lo', 'up')

  const folder = mkdtempSync(path.join(tmpdir(), 'runsheet-cut-'))
  chmodSync(folder, 0o755)
  const hba = path.join(folder, 'pg_hba.conf')
  writeFileSync(hba, 'host all all 0.0.0.0/0 scram-sha-256\n')
  const postgres = await startPostgres({ listen_addresses: '*', hba_file: hba })
  const reachable = { ...postgres, url: postgres.url.replace('127.0.0.1', HERE) }
  const bench = await open(reachable, HERE, { EGRESS_ALLOW_CIDRS: `${HERE}/30` })
  try {
    const rounds: Round[] = []
    for (let round = 0; round < ROUNDS.cut; round++) rounds.push(await cut(bench, there, round))
    report('cut', rounds)
  } finally {
    await bench.close()
    await postgres.remove()
    holder.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  }
}

const [first, ...rest] = process.argv.slice(2)
if (first === INSIDE) {
  await measureCut()
} else {
  const ways = first ? [first, ...rest] : Object.keys(ROUNDS)
  console.log('| a node in the middle of an action is | rounds | elsewhere after, median | max |\n|---|---|---|---|')
  if (ways.includes('kill')) await measure('kill')
  if (ways.includes('freeze')) await measure('freeze')
  if (ways.includes('cut')) {
    const args = ['-n', process.execPath, '--import', 'tsx', fileURLToPath(import.meta.url), INSIDE]
    const [code] = await once(spawn('unshare', args, { stdio: 'inherit' }), 'exit')
    if (code !== 0) throw new Error(`cut ended with ${code}`)
  }
}
process.exit(0)
