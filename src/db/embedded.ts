/**
 * A PostgreSQL of our own in DATA_DIR, for those who bring none. It is a process that outlives us: after `kill -9` the
 * next Runsheet adopts it. DATA_DIR belongs to whoever holds an advisory lock there, on a connection that stays open,
 * so that the lock goes when its holder goes, however that ends.
 *
 *     no cluster ─initdb─▶ no server ─spawn─▶ server ─connect, lock─▶ ours ─stop─▶ no server
 *                                       └──────────── it dies ───────────┘
 *
 * Several processes may walk this path at once and need no other lock: initdb works in a folder of its own and the
 * first to rename it wins, PostgreSQL lets one server in, and the advisory lock decides.
 */
import type { ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Log } from '../kernel/log.ts'
import { type Binaries, openBinaries } from './embedded-binaries.ts'
import { guardServer, type Server } from './embedded-guard.ts'
import { createCluster, type Home, hasCluster, openHome, removeDrafts } from './embedded-home.ts'
import { disown, hasExited, judge, readPostmaster, spawnPostmaster, stopPostmaster } from './postmaster.ts'

export type EmbeddedOptions = {
  dataDir: string
  log: Log
  /** False gives up what is committed when the machine fails, for speed: for tests. */
  durable?: boolean
  /** Further PostgreSQL settings. */
  settings?: Record<string, string>
}

export type EmbeddedPostgres = {
  /** Every field that `pg` would otherwise take from the environment. */
  connection: { host: string; port: number; user: string; password: string; database: string; ssl: false }
  /** Of the server that runs, or ran last: one that dies is started again, on the same port. */
  readonly pid: number
  /** Why it is away, or null. */
  problem(): string | null
  /** Ends all connections and the server; takes about 30 ms, at worst 18 s. */
  stop(): Promise<void>
}

export class DataDirInUseError extends Error {
  override readonly name = 'DataDirInUseError'

  constructor(dataDir: string) {
    super(`Another Runsheet is using DATA_DIR ${path.resolve(dataDir)}`)
  }
}

/**
 * Starts the database, or adopts the one a killed Runsheet left behind. Rejects with DataDirInUseError, and otherwise
 * with what PostgreSQL or the system say.
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { dataDir, log } = options
  const home = await openHome(dataDir, log)
  const binaries = await openBinaries(home)
  if (!hasCluster(home)) await createCluster(home, binaries.initdb)
  const first = await takeServer(home, binaries, options)
  const { port } = first
  const guard = guardServer(first, (signal) => takeServer(home, binaries, { ...options, port, signal }), log)

  let stopping: Promise<void> | undefined
  // The lock is kept to the end: a successor that got it before the shutdown would lose its server.
  const stop = async () => {
    await guard.stop()
    const { pid, owner } = guard.server()
    await stopPostmaster(pid, home.data)
    await owner.end()
  }
  const embedded = {
    connection: connectionTo('runsheet', port, home),
    get pid() {
      return guard.server().pid
    },
    problem: guard.problem,
    stop: () => (stopping ??= stop()),
  }
  try {
    await removeDrafts(home)
    const { rowCount } = await first.owner.query("select from pg_database where datname = 'runsheet'")
    if (rowCount === 0) await first.owner.query('create database runsheet')
    return embedded
  } catch (error) {
    await embedded.stop()
    throw error
  }
}

const connectionTo = (database: string, port: number, { password }: Home) =>
  ({ host: '127.0.0.1', port, user: 'runsheet', password, database, ssl: false }) as const

function settingsOf({ durable = true, settings = {} }: EmbeddedOptions) {
  const all = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    timezone: 'UTC',
    max_connections: '200',
    // Statements and values stay out of the file: their errors go to the client alone.
    log_min_messages: 'log',
    log_checkpoints: 'off',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
    ...settings,
  }
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

/** `port`: the one to start it on; a free one if absent. Rejects soon after `signal` aborts, and starts nothing then. */
async function takeServer(
  home: Home,
  { postgres }: Binaries,
  { port, signal, ...options }: EmbeddedOptions & { port?: number; signal?: AbortSignal },
): Promise<Server> {
  const settings = settingsOf(options)
  const heard = fs.statSync(home.logFile, { throwIfNoEntry: false })?.size ?? 0
  // A round fails only if its server vanishes: it lost to another's, was being stopped, or could not start, which may
  // be for some moments only, while backends of a killed one are still there.
  for (let round = 1; round <= 10; round++, await sleep(100)) {
    signal?.throwIfAborted()
    const found = readPostmaster(home.data)
    const state = found ? judge(found.pid, home.data) : 'gone'
    if (state === 'stranger') disown(home.data)
    const args = ['-D', home.data, '-p', String(port ?? (await freePort())), ...settings]
    const child = state === 'running' ? null : await spawnPostmaster(postgres, args, home.runAs, home.logFile)
    const server = await reach(home, child, signal)
    if (!server || !(await lock(server, options.dataDir))) continue
    if (child || (hasSettings(home, settings) && (port ?? server.port) === server.port)) {
      options.log.info({ pid: server.pid, port: server.port }, child ? 'PostgreSQL started' : 'PostgreSQL adopted')
      return server
    }
    await stopPostmaster(server.pid, home.data)
    await server.owner.end()
  }
  throw new Error(`PostgreSQL does not start: ${lastWords(home, heard)}. See ${home.logFile}`)
}

/** What it wrote into its log since, which may be too early for its log format. */
function lastWords({ logFile }: Home, since: number): string {
  const lines = fs.readFileSync(logFile).subarray(since).toString().trim().split('\n')
  const [fatal] = lines.reverse().flatMap((line) => /FATAL: +(.*)/.exec(line)?.[1] ?? [])
  return fatal ?? lines.slice(0, 3).reverse().join(' ').trim()
}

/** Whether the running server was started with these: one that is adopted may be less durable than was asked for. */
const hasSettings = ({ data }: Home, settings: string[]) =>
  fs
    .readFileSync(path.join(data, 'postmaster.opts'), 'utf8')
    .trim()
    .endsWith(settings.map((s) => `"${s}"`).join(' '))

/** Waits for the server of `child`, or for the one that runs; null if it ends. */
async function reach(home: Home, child: ChildProcess | null, signal?: AbortSignal): Promise<Server | null> {
  // Our own may need long to recover from a crash. But once it is ready, a server answers soon or never.
  let until = child ? Number.POSITIVE_INFINITY : Date.now() + 10_000
  for (let reason: unknown = 'it is not ready'; ; await sleep(10)) {
    if (signal?.aborted) child?.kill('SIGINT')
    const seen = readPostmaster(home.data)
    if (child ? hasExited(child) : !seen || judge(seen.pid, home.data) !== 'running') return null
    if (!seen || (child && seen.pid !== child.pid)) continue
    if (seen.ready) {
      until = Math.min(until, Date.now() + 10_000)
      try {
        return { ...seen, owner: await connectOwner(seen.port, home) }
      } catch (error) {
        reason = error
      }
    }
    if (Date.now() < until) continue
    if (child) await stopPostmaster(seen.pid, home.data)
    throw new Error(`No connection to the PostgreSQL of ${home.data} (pid ${seen.pid}): ${reason}`)
  }
}

async function connectOwner(port: number, home: Home) {
  const owner = new pg.Client({
    ...connectionTo('postgres', port, home),
    application_name: 'runsheet owner',
    connectionTimeoutMillis: 5_000,
  })
  // Every error of an idle connection is followed by `end`; unheard, it would end the process.
  owner.on('error', () => {})
  await owner.connect()
  return owner
}

/** False if the server ends meanwhile. The holder may be just about to end: a killed one needs a moment for it. */
async function lock({ owner }: Server, dataDir: string) {
  const attempt = "select pg_try_advisory_lock(hashtext('runsheet data dir')) as locked"
  for (const end = Date.now() + 2_000; Date.now() < end; await sleep(50)) {
    const answer = await owner.query<{ locked: boolean }>(attempt).catch(() => null)
    if (!answer) return false
    if (answer.rows[0]?.locked) return true
  }
  await owner.end()
  throw new DataDirInUseError(dataDir)
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo
      server.close(() => resolve(port))
    })
  })
}
