/** Runsheet as a process of its own, as an operator starts it; whoever launches ends what is left. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { ADMIN_TOKEN, type Answer, type TestApp } from '../support/app.ts'
import { createTestConnection } from '../support/database.ts'
import { deferred } from '../support/receiver.ts'

const checkout = path.resolve(import.meta.dirname, '../..')
const children: ChildProcess[] = []

export type LogLine = {
  level: number
  msg?: string
  pid?: number
  url?: string
  error?: string
  path?: string
  status?: number
  err?: { message: string }
}

/** A migrated database of one's own, as nodes are told of it. */
export async function sharedDatabase() {
  const { user, password, host, port, database } = await createTestConnection()
  return { DATABASE_URL: `postgresql://${user}:${password}@${host}:${port}/${database}`, SECRET_KEY: '0'.repeat(64) }
}

/** A process that may or may not become a server. `said` is its standard error, `log` its standard output. */
export function launch(env: Record<string, string>) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
    cwd: checkout,
    env: { PATH: process.env.PATH, PORT: '0', ADMIN_TOKEN, EGRESS_ALLOW_CIDRS: '127.0.0.0/8', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  const log: LogLine[] = []
  const said: string[] = []
  const ready = deferred<string>()
  createInterface({ input: child.stderr }).on('line', (line) => said.push(line))
  createInterface({ input: child.stdout }).on('line', (line) => {
    const entry: LogLine = JSON.parse(line)
    log.push(entry)
    if (entry.msg === 'ready') ready.resolve(entry.url ?? '')
  })
  /** The exit code, or the signal; when all that it wrote was read. */
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
  return { child, log, said, url: ready.promise, ended, messages: () => log.map(({ msg }) => msg) }
}

export type RunsheetProcess = Awaited<ReturnType<typeof start>>

/** One that is ready, and a client of its API. */
export async function start(env: Record<string, string>) {
  const launched = launch(env)
  const { child, ended } = launched
  const failed = ended.then((code) => Promise.reject(new Error(`it ended with ${code}: ${launched.said.join('\n')}`)))
  const url = await Promise.race([launched.url, failed])
  failed.catch(() => {})
  const send: TestApp['send'] = async (document, variables) => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${ADMIN_TOKEN}` },
      body: JSON.stringify({ query: document.toString(), variables }),
    })
    return (await response.json()) as Answer<never>
  }
  return {
    ...launched,
    url,
    api: { url, send } as TestApp,
    async kill(signal: NodeJS.Signals) {
      child.kill(signal)
      return ended
    },
    /** Status and reason. */
    async readiness(): Promise<[number, string?]> {
      const response = await fetch(`${url}/health/ready`)
      const { reason } = (await response.json()) as { reason?: string }
      return reason === undefined ? [response.status] : [response.status, reason]
    },
  }
}

/** For `afterAll`. */
export async function endAll() {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
}
