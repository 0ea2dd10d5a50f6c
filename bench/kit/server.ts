/** A server in a process of its own, as an operator starts it, on a PostgreSQL of its own with durable settings. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export const TOKEN = 'benchmark-administrator-token'
const ROOT = path.join(import.meta.dirname, '../..')
const GIVE_UP_MS = 60_000
/** What `npm start` gives to Node, without the bundle's name. */
const START_ARGS = (
  JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { scripts: { start: string } }
).scripts.start
  .split(' ')
  .slice(1, -1)
/** Such as `--cpu-prof`. */
const NODE_ARGS = process.env.NODE_ARGS?.split(' ') ?? []

export const newDataDir = async () => path.join(await mkdtemp(path.join(tmpdir(), 'runsheet-bench-')), 'data')
export const removeDataDir = (dataDir: string) => rm(path.dirname(dataDir), { recursive: true, force: true })

export type Server = {
  url: string
  /** From the start of the process to the first answer "ready". */
  readyMs: number
  child: ChildProcess
  stop(): Promise<void>
}

/** `env`: settings beside those that every benchmark needs. `node`: the program. */
export async function startServer(
  dataDir: string,
  port: number,
  env: Record<string, string> = {},
  node = process.execPath,
): Promise<Server> {
  const started = performance.now()
  const child = spawn(node, [...START_ARGS, ...NODE_ARGS, 'dist/server/main.js'], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      ADMIN_TOKEN: TOKEN,
      DATA_DIR: dataDir,
      EGRESS_ALLOW_CIDRS: '127.0.0.0/8',
      LOG_LEVEL: 'error',
      PORT: String(port),
      ...env,
    },
  })
  const url = `http://127.0.0.1:${port}`
  for (;;) {
    const ready = await fetch(`${url}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (ready) break
    if (child.exitCode !== null || performance.now() - started > GIVE_UP_MS) throw new Error('the server did not start')
    await sleep(5)
  }
  const readyMs = performance.now() - started
  return {
    url,
    readyMs,
    child,
    stop: () =>
      new Promise<void>((resolve) => {
        child.once('exit', () => resolve())
        child.kill('SIGTERM')
      }),
  }
}

export async function send<Data>(url: string, query: string, variables: object): Promise<Data> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
    body: JSON.stringify({ query, variables }),
  })
  const { data, errors } = (await response.json()) as { data: Data; errors?: unknown }
  if (errors) throw new Error(JSON.stringify(errors))
  return data
}
