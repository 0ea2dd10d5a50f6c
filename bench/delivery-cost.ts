/**
 * What a webhook costs beyond its HTTP call: the same request by undici alone, through the egress guard, and by the
 * driver, that is signed, captured, judged and made a record. Short rounds take turns; the receiver is another process.
 *
 *     node --import tsx bench/delivery-cost.ts
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { loadavg } from 'node:os'
import { Agent } from 'undici'
import type { StepContext } from '../src/actions/driver.ts'
import { callHttp } from '../src/actions/http-call.ts'
import { recordOf } from '../src/actions/record.ts'
import { createActionRegistry } from '../src/actions/registry.ts'
import { newSigningSecret, signedHeaders } from '../src/actions/signature.ts'
import { createEgress } from '../src/egress/egress.ts'
import { UNREPORTED } from '../src/runs/reporting.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 20)
const CALLS = Number(process.env.CALLS ?? 4000)
const CONCURRENCY = 50
/** What a run costs the whole server, by bench/README.md. */
const RUN_CPU_MS = 1.3
const ANSWER = JSON.stringify({ ok: true, id: 'ord_0190a3b4000070008000000000000001' })

/** As cheap as one can be, so that the caller is what is measured: it reads to the end of the body, and answers the same. */
function receive() {
  const answer = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${ANSWER.length}\r\n\r\n${ANSWER}`
  const server = net.createServer((socket) => {
    let text = ''
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      const head = text.indexOf('\r\n\r\n')
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? 0)
      if (head < 0 || text.length < head + 4 + length) return
      text = ''
      socket.write(answer)
    })
  })
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as net.AddressInfo).port))
}

async function startReceiver(): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', import.meta.filename, 'receive'], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const [port] = await once(child, 'message')
  return { child, url: `http://127.0.0.1:${port}/hook` }
}

type Call = () => Promise<unknown>
type Round = { callsPerSecond: number; cpuMicros: number }

async function round(call: Call): Promise<Round> {
  let left = CALLS
  const work = async () => {
    while (left-- > 0) await call()
  }
  const cpu = process.cpuUsage()
  const started = performance.now()
  await Promise.all(Array.from({ length: CONCURRENCY }, work))
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { callsPerSecond: CALLS / seconds, cpuMicros: (user + system) / CALLS }
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return ((sorted[Math.floor((sorted.length - 1) / 2)] ?? 0) + (sorted[Math.ceil((sorted.length - 1) / 2)] ?? 0)) / 2
}

const context = (): StepContext => ({
  subject: { ownerId: '0190a3b4-0000-7000-8000-000000000002', artifactId: null },
  effect: null,
  depth: 0,
  runId: '0190a3b4-0000-7000-8000-000000000001',
  position: 0,
  attempt: 1,
  report: UNREPORTED,
  signal: new AbortController().signal,
  run: {
    id: 'run_0190a3b4000070008000000000000001',
    job: { id: 'job_0190a3b4000070008000000000000001', name: 'Report' },
    trigger: 'SCHEDULE',
    scheduledFor: '2026-03-01T12:00:00.000Z',
    startedAt: '2026-03-01T12:00:01.000Z',
    attempt: 1,
  },
  artifact: {
    id: 'art_0190a3b4000070008000000000000001',
    slug: 'demo',
    name: 'Demo',
    url: 'http://demo.localhost:4000/',
  },
  event: null,
  input: null,
  steps: { fetch: { status: 200, body: { id: 7, note: 'for "you"' } } },
  signingSecrets: [SECRET],
})
const SECRET = newSigningSecret()

async function measure() {
  const { child, url } = await startReceiver()
  const egress = createEgress({ allowCidrs: ['127.0.0.0/8'], httpsOnly: false })
  // as the guard has it
  const agent = new Agent({ connections: 128, headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 1000 })
  const driver = createActionRegistry({ egress, version: '0.0.0' } as never).get('webhook')
  if (!driver) throw new Error('there is no webhook')
  const webhook = (config: object): Call => {
    const stored = { url, method: 'POST', headers: {}, includeArtifact: true, ...config }
    return async () => {
      const result = await driver.execute(stored, context())
      if (!result.ok) throw new Error(result.failure.message)
      return result.deliveries.map(recordOf)
    }
  }
  const { origin, pathname } = new URL(url)
  const { run, artifact, event, input } = context()
  const request = {
    method: 'POST' as const,
    headers: { accept: '*/*', 'user-agent': 'Runsheet/0.0.0', 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ type: 'run', run, artifact, event, input })),
  }
  const signature = () => signedHeaders([SECRET], 'msg_0190a3b4000070008000000000000001_0', new Date(), request.body)
  const signal = () => new AbortController().signal
  const ways: Record<string, Call> = {
    'undici alone': async () =>
      (await agent.request({ ...request, origin, path: pathname, signal: signal() })).body.dump(),
    'through the guard': async () => (await egress.request(url, { ...request, signal: signal() })).body.dump(),
    captured: () => callHttp(egress, { ...request, url, signal: signal() }),
    'captured and signed': () =>
      callHttp(egress, { ...request, url, headers: { ...request.headers, ...signature() }, signal: signal() }),
    'webhook, with its record': webhook({}),
    'the same with a secret header': webhook({ headers: { authorization: 'Bearer 0123456789abcdef' } }),
    'the same with templates': webhook({
      url: `${url}/{{ steps.fetch.body.id }}`,
      body: { order: '{{ steps.fetch.body.id }}', note: 'from {{ steps.fetch.body.note }}', job: '{{ job.name }}' },
    }),
  }
  const rounds = new Map(Object.keys(ways).map((way) => [way, [] as Round[]]))
  for (let n = -2; n < ROUNDS; n++) {
    // each round begins with another one, so that none always follows the same
    const order = Object.entries(ways)
    order.push(...order.splice(0, (n + 2) % order.length))
    for (const [way, call] of order) {
      const result = await round(call)
      if (n >= 0) rounds.get(way)?.push(result)
    }
  }
  report(rounds)
  await Promise.all([egress.close(), agent.destroy()])
  child.kill()
}

/** Medians of the rounds; differences are medians of the differences to `undici alone` within a round. */
function report(rounds: Map<string, Round[]>) {
  const bare = rounds.get('undici alone') ?? []
  console.log(`${ROUNDS} rounds of ${CALLS} calls, ${CONCURRENCY} at once; load average ${loadavg()[0]?.toFixed(1)}\n`)
  console.log('| | calls/s | difference | CPU a call | more than undici alone | of a run’s 1.3 ms |')
  console.log('|---|---|---|---|---|---|')
  for (const [way, own] of rounds) {
    const slower = own.map(({ callsPerSecond }, n) => callsPerSecond / (bare[n]?.callsPerSecond ?? Number.NaN) - 1)
    const more = median(own.map(({ cpuMicros }, n) => cpuMicros - (bare[n]?.cpuMicros ?? Number.NaN)))
    const cells = [
      way,
      median(own.map(({ callsPerSecond }) => callsPerSecond)).toFixed(0),
      `${(100 * median(slower)).toFixed(1)} %`,
      `${median(own.map(({ cpuMicros }) => cpuMicros)).toFixed(0)} µs`,
      `${more.toFixed(0)} µs`,
      `${((100 * more) / (RUN_CPU_MS * 1000)).toFixed(1)} %`,
    ]
    console.log(`| ${cells.join(' | ')} |`)
  }
}

if (process.argv[2] === 'receive') receive()
else await measure()
