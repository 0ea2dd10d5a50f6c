/**
 * A page of 10 KB from its site's own host, beside the same page from sirv and from nginx (one worker, no access log),
 * in turns within one run. The load is wrk's, a process of its own on the same machine. Needs `wrk`, `nginx` and
 * `npm ci --prefix bench/sites-peers`. `node esbuild.config.mjs && node --import tsx bench/sites.ts`
 */
import { execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { newDataDir, removeDataDir, send, startServer } from './kit/server.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 3)
const SECONDS = Number(process.env.SECONDS ?? 8)
const CONNECTIONS = 64
const [RUNSHEET, SIRV, NGINX] = [4760, 4761, 4762]
const PAGE = `<!doctype html><title>A page</title><p>${'Ten kilobytes of text. '.repeat(440)}`.padEnd(10_240, ' ')
const HOST = `bench.localhost:${RUNSHEET}`

const PUBLISH = `mutation ($input: PublishArtifactInput!) {
  publishArtifact(input: $input) { ... on Artifact { id } ... on Error { message } }
}`

const run = promisify(execFile)

async function load(port: number, seconds: number): Promise<{ rate: number; p99: string }> {
  const options = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--latency', '-H', `Host: ${HOST}`]
  const { stdout } = await run('wrk', [...options, `http://127.0.0.1:${port}/`])
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(stdout)
  return { rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]), p99: /99%\s+(\S+)/.exec(stdout)?.[1] ?? '' }
}

async function untilServed(port: number) {
  for (let tries = 0; tries < 100; tries++) {
    const answer = await run('curl', ['-s', '-H', `Host: ${HOST}`, `http://127.0.0.1:${port}/`]).catch(() => null)
    if (answer?.stdout === PAGE) return
    await sleep(100)
  }
  throw new Error(`the page is not served on port ${port}`)
}

const folder = await mkdtemp(path.join(tmpdir(), 'runsheet-bench-sites-'))
const root = path.join(folder, 'root')
await mkdir(root)
await writeFile(path.join(root, 'index.html'), PAGE)
await writeFile(
  path.join(folder, 'nginx.conf'),
  `worker_processes 1; daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
user ${process.env.USER ?? 'root'};
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=100;
  types { text/html html; }
  server { listen 127.0.0.1:${NGINX}; root ${root}; }
}`,
)
const peers = [
  spawn(process.execPath, [path.join(import.meta.dirname, 'sites-peers/sirv.mjs'), root, String(SIRV)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  }),
  spawn('nginx', ['-c', path.join(folder, 'nginx.conf')], { stdio: 'ignore' }),
]
const dataDir = await newDataDir()
const server = await startServer(dataDir, RUNSHEET, { LOG_LEVEL: process.env.LOG_LEVEL ?? 'info' })
try {
  const files = [{ path: 'index.html', content: PAGE }]
  await send(server.url, PUBLISH, { input: { name: 'bench', slug: 'bench', files } })
  for (const port of [RUNSHEET, SIRV, NGINX]) {
    await untilServed(port)
    await load(port, 2)
  }
  console.log('| round | load before | Runsheet | p99 | sirv | nginx | of sirv | of nginx |')
  console.log('|---|---|---|---|---|---|---|---|')
  for (let round = 1; round <= ROUNDS; round++) {
    const before = (loadavg()[0] ?? 0).toFixed(1)
    const ours = await load(RUNSHEET, SECONDS)
    const [{ rate: sirv }, { rate: nginx }] = [await load(SIRV, SECONDS), await load(NGINX, SECONDS)]
    const rates = [ours.rate, sirv, nginx].map((rate) => Math.round(rate).toLocaleString('en'))
    console.log(
      `| ${round} | ${before} | ${rates[0]}/s | ${ours.p99} | ${rates[1]}/s | ${rates[2]}/s | ${(ours.rate / sirv).toFixed(2)} × | ${Math.round((100 * ours.rate) / nginx)} % |`,
    )
  }
} finally {
  for (const peer of peers) peer.kill('SIGTERM')
  await server.stop()
  await removeDataDir(dataDir)
  await rm(folder, { recursive: true, force: true })
}
