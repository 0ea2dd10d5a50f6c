import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { DataDirInUseError, type EmbeddedOptions, type EmbeddedPostgres, openEmbedded } from '../../src/db/embedded.ts'
import { findPackage, openBinaries } from '../../src/db/embedded-binaries.ts'
import { openHome, run } from '../../src/db/embedded-home.ts'
import { judge, readPostmaster, stopPostmaster } from '../../src/db/postmaster.ts'
import { createLog } from '../../src/kernel/log.ts'

const fixture = fileURLToPath(new URL('fixtures/embedded-owner.ts', import.meta.url))
const checkout = fileURLToPath(new URL('../..', import.meta.url))
const isRoot = process.getuid?.() === 0
const silent = createLog('silent')

const folders: string[] = []
const children: ChildProcess[] = []

/** Open to others like any folder a person makes; mkdtemp's own are closed. */
function folder(mode = 0o755) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'runsheet-embedded-'))
  fs.chmodSync(dir, mode)
  folders.push(dir)
  return dir
}

let used: string | undefined

/** Where a Runsheet ran before, and stopped. The same folder for all tests, since making one takes a second or two. */
async function usedFolder() {
  if (used) return used
  const dataDir = folder()
  await (await open(dataDir)).stop()
  folders.pop()
  used = dataDir
  return dataDir
}

afterAll(() => clear(used ? [used] : []))

const homeOf = (dataDir: string) =>
  path.resolve(dataDir, JSON.parse(fs.readFileSync(path.join(dataDir, 'postgres.json'), 'utf8')).dir)
const dataOf = (dataDir: string) => path.join(homeOf(dataDir), 'data')

const open = (dataDir: string, options: Partial<EmbeddedOptions> = {}) =>
  openEmbedded({ dataDir, log: silent, durable: false, ...options })

type RunOptions = { durable?: boolean; uid?: number; gid?: number; detached?: boolean }
type Answer = Pick<EmbeddedPostgres, 'connection' | 'pid'> & { name?: string; message?: string }

/** Another process that opens the same DATA_DIR: its answer is the database, or the name and message of an error. */
async function runsheet(dataDir: string, { durable = false, ...options }: RunOptions = {}) {
  const args = ['--import', 'tsx', fixture, dataDir, durable ? 'durable' : 'fast']
  const child = spawn(process.execPath, args, { cwd: checkout, stdio: ['ignore', 'pipe', 'inherit'], ...options })
  children.push(child)
  const lines = createInterface(child.stdout)
  for await (const line of lines) return { child, answer: JSON.parse(line) as Answer }
  throw new Error('The process ended without an answer')
}

async function end(child: ChildProcess, signal: NodeJS.Signals) {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

async function query(connection: pg.ClientConfig, sql: string) {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

async function stopAll(dataDirs: string[]) {
  for (const dataDir of dataDirs.filter((dir) => fs.existsSync(path.join(dir, 'postgres.json')))) {
    const data = dataOf(dataDir)
    await stopPostmaster(readPostmaster(data)?.pid ?? 0, data)
  }
}

function clear(dirs: string[]) {
  for (const dir of dirs) {
    if (fs.existsSync(path.join(dir, 'postgres.json'))) fs.rmSync(homeOf(dir), { recursive: true, force: true })
    fs.rmSync(dir, { recursive: true, force: true })
  }
}

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => end(child, 'SIGKILL')))
  const all = folders.splice(0)
  await stopAll(used ? [used, ...all] : all)
  clear(all)
})

describe('openEmbedded', () => {
  it('makes a UTF-8 database at the first start and finds it again at the next', async () => {
    const dataDir = path.join(folder(), 'new', 'data-dir')
    folders.unshift(dataDir)
    const first = await open(dataDir, { durable: true })
    const settings = await query(
      first.connection,
      `select current_database() as database, current_setting('server_encoding') as encoding,
         current_setting('TimeZone') as zone, current_setting('max_connections')::int as connections,
         current_setting('fsync') || current_setting('synchronous_commit') as durable, lower('ÄÉ') as lower`,
    )
    expect(settings).toEqual([
      { database: 'runsheet', encoding: 'UTF8', zone: 'UTC', connections: 200, durable: 'onon', lower: 'äé' },
    ])
    expect(fs.statSync(path.join(dataDir, 'postgres.json')).mode & 0o777).toBe(0o600)
    await query(first.connection, 'create table kept as select 7 as value')
    await first.stop()
    expect(fs.readdirSync(homeOf(dataDir))).toContain('data')
    expect(fs.readdirSync(homeOf(dataDir)).filter((name) => name.includes('.new-'))).toEqual([])

    const second = await open(dataDir, { settings: { work_mem: '5MB' } })
    expect(second.connection.password).toBe(first.connection.password)
    const [kept] = await query(
      second.connection,
      `select value, current_setting('work_mem') as memory,
      current_setting('fsync') || current_setting('synchronous_commit') as durable from kept`,
    )
    expect(kept).toEqual({ value: 7, memory: '5MB', durable: 'offoff' })
    await second.stop()
  })

  it('leaves no server and no file of one behind when it is stopped, also when asked twice', async () => {
    const dataDir = await usedFolder()
    const { pid, stop } = await open(dataDir)
    expect(judge(pid, dataOf(dataDir))).toBe('running')
    await Promise.all([stop(), stop()])
    expect(readPostmaster(dataOf(dataDir))).toBeNull()
    await vi.waitFor(() => expect(judge(pid, dataOf(dataDir))).toBe('gone'))
  })

  it('refuses a second Runsheet by the name of the folder, and the first works on', async () => {
    const dataDir = await usedFolder()
    const { connection, pid, stop } = await open(dataDir)
    const here = expect(open(dataDir)).rejects.toThrow(DataDirInUseError)
    const { answer } = await runsheet(dataDir)
    expect(answer).toEqual({ name: 'DataDirInUseError', message: expect.stringContaining(dataDir) })
    await here
    expect(readPostmaster(dataOf(dataDir))?.pid).toBe(pid)
    expect(await query(connection, 'select 1 as one')).toEqual([{ one: 1 }])
    await stop()
  })

  it('gives a new folder to one of two that start in it at the same moment', async () => {
    const dataDir = folder()
    const all = await Promise.all([runsheet(dataDir), runsheet(dataDir)])
    const winners = all.filter(({ answer }) => answer.pid)
    const errors = all.flatMap(({ answer }) => answer.name ?? [])
    expect(errors).toEqual(['DataDirInUseError'])
    const [winner] = winners
    if (!winner) throw new Error('nobody won')
    expect(readPostmaster(dataOf(dataDir))?.pid).toBe(winner.answer.pid)
    expect(await query(winner.answer.connection, 'select 1 as one')).toEqual([{ one: 1 }])
    await end(winner.child, 'SIGTERM')
    expect(readPostmaster(dataOf(dataDir))).toBeNull()
  })

  it('adopts the running database of a Runsheet that was killed', async () => {
    const dataDir = await usedFolder()
    const { child, answer } = await runsheet(dataDir)
    await query(answer.connection, 'create table adopted as select 7 as value')
    await end(child, 'SIGKILL')
    const { pid, connection, stop } = await open(dataDir)
    expect(pid).toBe(answer.pid)
    expect(await query(connection, 'select value from adopted')).toEqual([{ value: 7 }])
    await stop()
    expect(readPostmaster(dataOf(dataDir))).toBeNull()
  })

  it('does not keep an adopted database that is less durable than asked for', async () => {
    const dataDir = await usedFolder()
    const { child, answer } = await runsheet(dataDir)
    await end(child, 'SIGKILL')
    const { pid, connection, stop } = await open(dataDir, { durable: true })
    expect(pid).not.toBe(answer.pid)
    expect(await query(connection, 'show fsync')).toEqual([{ fsync: 'on' }])
    await stop()
  })

  it('starts again after the Runsheet and its database were both killed', async () => {
    const dataDir = await usedFolder()
    const { child, answer } = await runsheet(dataDir, { durable: true })
    await query(answer.connection, 'create table committed as select 7 as value')
    await end(child, 'SIGKILL')
    process.kill(answer.pid, 'SIGKILL')
    const { connection, stop } = await open(dataDir)
    expect(await query(connection, 'select value from committed')).toEqual([{ value: 7 }])
    await stop()
  })

  it.each([
    ['a live process of its user that is no PostgreSQL', sleeper],
    ['a dead process', () => 0x3ffffe],
    ['nothing at all', () => ''],
    ['a zombie', zombie],
  ])('starts beside a postmaster.pid that names %s', async (_, make) => {
    const dataDir = await usedFolder()
    const data = dataOf(dataDir)
    const { uid, gid } = fs.statSync(data)
    const named = await make({ uid, gid })
    const text = named === '' ? '' : `${named}\n${data}\n1700000000\n1\n\n127.0.0.1\n  1 1\nready   \n`
    fs.writeFileSync(path.join(data, 'postmaster.pid'), text, { mode: 0o600 })
    fs.chownSync(path.join(data, 'postmaster.pid'), uid, gid)
    const { connection, stop } = await open(dataDir)
    expect(await query(connection, 'select 1 as one')).toEqual([{ one: 1 }])
    await stop()
  })

  it('survives the Ctrl-C that ends a Runsheet with no handler for it', async () => {
    const dataDir = await usedFolder()
    const { child, answer } = await runsheet(dataDir, { detached: true })
    const ended = once(child, 'exit')
    process.kill(-(child.pid ?? 0), 'SIGINT')
    await ended
    const { pid, stop } = await open(dataDir)
    expect(pid).toBe(answer.pid)
    await stop()
  })

  it('warns when the connection that guards the folder is lost, and works on', async () => {
    const lines: string[] = []
    const log = createLog('warn', { write: (line) => lines.push(line) })
    const { connection, stop } = await open(await usedFolder(), { log })
    const owner = "application_name = 'runsheet owner'"
    await query(connection, `select pg_terminate_backend(pid) from pg_stat_activity where ${owner}`)
    await vi.waitFor(() => expect(lines.join()).toContain('lost the connection that guards DATA_DIR'))
    expect(await query(connection, 'select 1 as one')).toEqual([{ one: 1 }])
    await stop()
    expect(lines).toHaveLength(1)
  })

  it('says why PostgreSQL does not start', async () => {
    const settings = { shared_buffers: 'many' }
    await expect(open(await usedFolder(), { settings })).rejects.toThrow(/invalid value .*"shared_buffers": "many"/)
  })

  it('does not begin anew without a word when the folder with the data is gone', async () => {
    const dataDir = folder()
    const { dir } = await openHome(dataDir, silent)
    fs.rmSync(dir, { recursive: true })
    await expect(open(dataDir)).rejects.toThrow(/is gone\. To begin anew, delete .*postgres\.json too/)
  })

  it.runIf(isRoot)('works as root in a folder that only root may enter', async () => {
    const dataDir = folder(0o700)
    const lines: string[] = []
    const log = createLog('warn', { write: (line) => lines.push(line) })
    const { connection, stop } = await open(dataDir, { log })
    expect(homeOf(dataDir)).toMatch(/^\/var\/lib\/runsheet\/[0-9a-f]{12}$/)
    expect(lines.join()).toContain(`the database lives in ${homeOf(dataDir)}`)
    expect(fs.statSync(homeOf(dataDir)).uid).not.toBe(0)
    await query(connection, 'create table kept as select 7 as value')
    await stop()
    fs.chmodSync(dataDir, 0o755)
    const again = await open(dataDir)
    expect(await query(again.connection, 'select value from kept')).toEqual([{ value: 7 }])
    await again.stop()
  })

  it.runIf(isRoot && isOpen(checkout))('works as an ordinary user', async () => {
    const dataDir = folder()
    const nobody = { uid: 65534, gid: 65534 }
    fs.chownSync(dataDir, nobody.uid, nobody.gid)
    const { child, answer } = await runsheet(dataDir, nobody)
    expect(answer).toEqual({ pid: expect.any(Number), connection: expect.anything() })
    expect(await query(answer.connection, 'select 1 as one')).toEqual([{ one: 1 }])
    expect(fs.statSync(dataOf(dataDir)).uid).toBe(nobody.uid)
    await end(child, 'SIGTERM')
    expect(readPostmaster(dataOf(dataDir))).toBeNull()
  })
})

describe('openBinaries', () => {
  /** As npm leaves it without install scripts: no links. */
  function packageWithoutLinks(mode = 0o755) {
    const dir = path.join(folder(mode), 'package')
    const filter = (file: string) => !file.endsWith('.a') && !fs.lstatSync(file).isSymbolicLink()
    fs.cpSync(findPackage(), dir, { recursive: true, filter })
    return dir
  }

  it('makes the links that npm does not bring', async () => {
    const from = packageWithoutLinks()
    const home = await openHome(folder(), silent)
    const { postgres, initdb } = await openBinaries(home, from)
    expect(path.dirname(postgres)).toBe(path.join(from, 'native/bin'))
    await expect(run(initdb, ['--version'], home.runAs)).resolves.toHaveProperty(
      'stdout',
      expect.stringContaining('18.'),
    )
    await expect(run(postgres, ['--version'], home.runAs)).resolves.toBeDefined()
  })

  it.runIf(isRoot)('copies them once where their user may not reach them', async () => {
    const from = packageWithoutLinks(0o700)
    const home = await openHome(folder(), silent)
    const { postgres } = await openBinaries(home, from)
    expect(postgres.startsWith(home.dir)).toBe(true)
    await expect(run(postgres, ['--version'], home.runAs)).resolves.toBeDefined()
    const { ino } = fs.statSync(postgres)
    expect(await openBinaries(home, from)).toHaveProperty('postgres', postgres)
    expect(fs.statSync(postgres).ino).toBe(ino)
  })

  it('says to set DATABASE_URL where there are none for the platform', () => {
    expect(() => findPackage('plan9-mips')).toThrow(/no embedded PostgreSQL for plan9-mips.*DATABASE_URL/)
  })

  it('says to set DATABASE_URL where the system cannot load them', async () => {
    const from = path.join(folder(), 'package')
    fs.mkdirSync(path.join(from, 'native/bin'), { recursive: true })
    fs.writeFileSync(path.join(from, 'package.json'), '{"version":"1.0.0"}')
    // To the kernel a missing interpreter is what glibc's missing loader is on Alpine.
    for (const name of ['initdb', 'postgres']) {
      fs.writeFileSync(path.join(from, 'native/bin', name), '#!/no/such/loader\n', { mode: 0o755 })
    }
    const home = await openHome(folder(), silent)
    await expect(openBinaries(home, from)).rejects.toThrow(/does not run on this system.*DATABASE_URL/)
  })
})

async function sleeper(user: { uid: number; gid: number }) {
  const child = spawn('sleep', ['60'], { stdio: 'ignore', ...user })
  children.push(child)
  await once(child, 'spawn')
  return child.pid
}

/** A dead child whose parent, having become `sleep`, never asks for it. */
async function zombie(user: { uid: number; gid: number }) {
  const script = 'sleep 0.1 & echo $!; exec sleep 60'
  const parent = spawn('/bin/sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'], ...user })
  children.push(parent)
  const [chunk] = await once(parent.stdout, 'data')
  const pid = String(chunk).trim()
  await vi.waitFor(() => expect(execFileSync('ps', ['-o', 'stat=', '-p', pid], { encoding: 'utf8' })).toMatch(/^Z/))
  return pid
}

function isOpen(dir: string) {
  const parents = path
    .resolve(dir)
    .split(path.sep)
    .map((_, i, all) => all.slice(0, i + 1).join(path.sep) || path.sep)
  return parents.every((parent) => (fs.statSync(parent).mode & 0o005) === 0o005)
}
