/**
 * How long a client waits for `{ __typename }` while another one sends what is hostile, over and over.
 * `node esbuild.config.mjs && node --import tsx bench/hostile.ts`
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { HOSTILE } from '../test/graphql/hostile.ts'
import { newDataDir, removeDataDir, startServer, TOKEN } from './kit/server.ts'

const MS = Number(process.env.MS ?? 3_000)
const PAUSE_MS = 5

const quantile = (sorted: number[], q: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN

const headers = { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` }
const post = async (url: string, body: string, token = true) => {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: token ? headers : { 'content-type': 'application/json' },
    body,
  })
  await response.arrayBuffer()
}

/** Sends it once, and resolves when it is answered. */
type Attack = (url: string) => Promise<void>

const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
const ATTACKS: [name: string, attack: Attack][] = [
  ['nothing', () => sleep(PAUSE_MS)],
  ...HOSTILE.map(([name, query]): [string, Attack] => {
    const body = JSON.stringify({ query })
    return [name, (url) => post(url, body)]
  }),
  ...(['with a token', 'of nobody'] as const).map((who): [string, Attack] => {
    const body = JSON.stringify({ query: `{ __typename } #${'x'.repeat(10_000_000)}` })
    return [`a query of 10 MB ${who}`, (url) => post(url, body, who === 'with a token').catch(() => {})]
  }),
  [
    'variables of 100,000 levels',
    (url) => post(url, `{"query":"query($n: Int) { jobs(first: $n) { totalCount } }","variables":{"n":${deep}}}`),
  ],
  ['10,000 subscriptions on a socket', subscribeOften],
]

async function subscribeOften(url: string): Promise<void> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  await new Promise<void>((resolve, reject) => {
    let errors = 0
    socket.on('error', reject)
    socket.on('open', () => {
      socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${TOKEN}` } }))
    })
    socket.on('message', (data) => {
      const { type } = JSON.parse(String(data))
      if (type === 'error' && ++errors === 9_000) resolve()
      if (type !== 'connection_ack') return
      const payload = { query: 'subscription { runEvents { cursor } }' }
      for (let id = 0; id < 10_000; id++) socket.send(JSON.stringify({ id: String(id), type: 'subscribe', payload }))
    })
  })
  socket.terminate()
}

async function waits(url: string, attack: Attack) {
  let isOver = false
  let attacks = 0
  const attacking = (async () => {
    while (!isOver) {
      await attack(url)
      attacks += 1
    }
  })()
  const delays: number[] = []
  const until = performance.now() + MS
  while (performance.now() < until) {
    const started = performance.now()
    await post(url, '{"query":"{ __typename }"}')
    delays.push(performance.now() - started)
    await sleep(PAUSE_MS)
  }
  isOver = true
  await attacking
  delays.sort((a, b) => a - b)
  return { attacks, p50: quantile(delays, 0.5), p99: quantile(delays, 0.99), most: delays.at(-1) ?? Number.NaN }
}

const dataDir = await newDataDir()
const server = await startServer(dataDir, 4713)
try {
  await waits(server.url, () => sleep(PAUSE_MS))
  console.log('| beside it | attacks | p50, ms | p99, ms | longest, ms |\n|---|---|---|---|---|')
  for (const [name, attack] of ATTACKS) {
    const { attacks, p50, p99, most } = await waits(server.url, attack)
    console.log(`| ${name} | ${attacks} | ${p50.toFixed(1)} | ${p99.toFixed(1)} | ${most.toFixed(1)} |`)
  }
} finally {
  await server.stop()
  await removeDataDir(dataDir)
}
