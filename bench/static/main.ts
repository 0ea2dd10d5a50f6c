/**
 * A page of 10 KB and a file of 1 MB: Runsheet from a site's own host, with its defaults and its log on, beside sirv,
 * @fastify/static and nginx. The load is wrk's. Needs `wrk`, `nginx` and the bundle (`node esbuild.config.mjs`).
 */
import type { ChildProcess } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { type Competitor, compare, type Sample } from '../kit/compare.ts'
import { load } from '../kit/load.ts'
import { end, launch, treeCpuMs, untilReady } from '../kit/processes.ts'
import { figure } from '../kit/report.ts'
import { newDataDir, removeDataDir, send, startServer } from '../kit/server.ts'
import { nginxConf } from './nginx.ts'

const SECONDS = Number(process.env.SECONDS ?? 5)
const WARM_UP_SECONDS = 1
const CONNECTIONS = 64
const PORT = 4760
const HOST = `bench.localhost:${PORT}`
const PAGE = `<!doctype html><title>A page</title><p>${'Ten kilobytes of text. '.repeat(440)}`.padEnd(10_240, ' ')
const MEGABYTE = 'A megabyte of the same. '.repeat(50_000).slice(0, 1024 * 1024)
const FILES = [
  { name: 'index.html', at: '/', content: PAGE, key: 'page' },
  { name: 'large.bin', at: '/large.bin', content: MEGABYTE, key: 'large' },
]

const PUBLISH = `mutation ($input: PublishArtifactInput!) {
  publishArtifact(input: $input) { ... on Artifact { id } ... on Error { message } }
}`

const folder = await mkdtemp(path.join(tmpdir(), 'runsheet-bench-static-'))
const root = path.join(folder, 'root')
await mkdir(root)
for (const { name, content } of FILES) await writeFile(path.join(root, name), content)
await writeFile(path.join(folder, 'nginx.conf'), nginxConf({ folder, root, port: PORT }))

/** By the site's host, which not every system looks up. */
const contentAt = (at: string) =>
  new Promise<string>((resolve, reject) => {
    const asked = { port: PORT, path: at, headers: { host: HOST } }
    get(asked, (response) => text(response).then(resolve, reject)).once('error', reject)
  })

/** Each file: that it is served byte for byte, then how often a second and at what price. */
async function measure(pid: number | undefined): Promise<Sample> {
  const sample: Sample = {}
  for (const { at, content, key } of FILES) {
    const asked = { url: `http://127.0.0.1:${PORT}${at}`, connections: CONNECTIONS, headers: { Host: HOST } }
    if ((await contentAt(at)) !== content) throw new Error(`something else is served at ${at}`)
    await load({ ...asked, seconds: WARM_UP_SECONDS })
    const [before, began] = [await treeCpuMs(Number(pid)), performance.now()]
    const { perSecond, p99 } = await load({ ...asked, seconds: SECONDS })
    const answers = perSecond * ((performance.now() - began) / 1000)
    const cpu = (((await treeCpuMs(Number(pid))) - before) * 1000) / answers
    Object.assign(sample, { [key]: perSecond, [`${key}P99`]: p99, [`${key}Cpu`]: cpu })
  }
  return sample
}

function peer(name: string, start: () => ChildProcess): Competitor {
  return {
    name,
    async measure() {
      const child = start()
      try {
        await untilReady(child, async () => (await fetch(`http://127.0.0.1:${PORT}/`)).ok)
        return await measure(child.pid)
      } finally {
        await end(child)
      }
    },
  }
}

const node = (file: string) => () =>
  launch(process.execPath, [path.join(import.meta.dirname, 'peers', file), root, String(PORT)])

const runsheet: Competitor = {
  name: 'Runsheet',
  async measure() {
    const dataDir = await newDataDir()
    const server = await startServer(dataDir, PORT, { LOG_LEVEL: 'info' })
    try {
      const files = FILES.map(({ name, content }) => ({ path: name, content }))
      await send(server.url, PUBLISH, { input: { name: 'bench', slug: 'bench', files } })
      return await measure(server.child.pid)
    } finally {
      await server.stop()
      await removeDataDir(dataDir)
    }
  },
}

try {
  await compare({
    name: 'static',
    metrics: [
      { key: 'page', title: '10 KB', unit: '/s', better: 'more', chart: true },
      { key: 'pageP99', title: '10 KB, p99', unit: 'ms', better: 'less', digits: 1 },
      { key: 'pageCpu', title: '10 KB, CPU each', unit: 'µs', better: 'less', digits: 1 },
      { key: 'large', title: '1 MB', unit: '/s', better: 'more', chart: true },
      { key: 'largeP99', title: '1 MB, p99', unit: 'ms', better: 'less', digits: 1 },
      { key: 'largeCpu', title: '1 MB, CPU each', unit: 'µs', better: 'less' },
    ],
    competitors: [
      runsheet,
      peer('sirv', node('sirv.mjs')),
      peer('@fastify/static', node('fastify.mjs')),
      peer('nginx', () => launch('nginx', ['-c', path.join(folder, 'nginx.conf')])),
    ],
    judge(medians) {
      const [ofSirv, ofNginx] = ['sirv', 'nginx'].map((name) => medians('Runsheet', 'page') / medians(name, 'page'))
      return [
        { goal: '10 KB ≥ 2.5 × sirv', reached: `${figure(ofSirv ?? 0, 2)} ×`, met: Number(ofSirv) >= 2.5 },
        { goal: '10 KB ≥ 35 % of nginx', reached: `${figure(Number(ofNginx) * 100)} %`, met: Number(ofNginx) >= 0.35 },
      ]
    },
  })
} finally {
  await rm(folder, { recursive: true, force: true })
}
