/** Processes that a benchmark starts, each ended by its own pid, and what the system says of them. Linux only. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

const GIVE_UP_MS = 60_000
/** After SIGTERM; then SIGKILL. */
const PATIENCE_MS = 20_000
/** `getconf CLK_TCK`, the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

export function launch(command: string, args: string[], options: SpawnOptions = {}): ChildProcess {
  return spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'], ...options })
}

export async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill(signal)
  const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
  await gone
  clearTimeout(late)
}

/** Until `probe` says so. @throws Error when the process ends before, or it takes a minute */
export async function untilReady(child: ChildProcess, probe: () => Promise<boolean>): Promise<void> {
  const until = performance.now() + GIVE_UP_MS
  while (!(await probe().catch(() => false))) {
    if (child.exitCode !== null || performance.now() > until)
      throw new Error(`${child.spawnargs.join(' ')} did not start`)
    await sleep(10)
  }
}

/** Of a process so far, in user and system mode. */
export async function cpuMs(pid: number): Promise<number> {
  const { own } = await statOf(pid)
  return own
}

/** The same with its children, also those that have ended, as PostgreSQL's connections are. */
export async function cpuMsWithChildren(pid: number): Promise<number> {
  const { own, ended } = await statOf(pid)
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter(Boolean)
  // One that ends meanwhile has had its last moment.
  const each = await Promise.all(children.map((child) => cpuMs(Number(child)).catch(() => 0)))
  return each.reduce((sum, ms) => sum + ms, own + ended)
}

async function statOf(pid: number): Promise<{ own: number /** Of children that have ended. */; ended: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ms = (index: number) => (Number(fields[index]) / TICKS_PER_SECOND) * 1000
  return { own: ms(11) + ms(12), ended: ms(13) + ms(14) }
}

/** Of a process and of all that it has started, also of those that it has seen end: PostgreSQL's, nginx's. */
export async function treeCpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const own = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0)
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  const theirs = await Promise.all(
    children
      .split(' ')
      .filter(Boolean)
      .map((child) => treeCpuMs(Number(child))),
  )
  return theirs.reduce((sum, ms) => sum + ms, (own / TICKS_PER_SECOND) * 1000)
}

/** Of a process and all that it has started, those that have ended too: PostgreSQL with its backends. */
export async function familyCpuMs(pid: number): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const stats = await Promise.all(pids.map((each) => readFile(`/proc/${each}/stat`, 'utf8').catch(() => null)))
  let ticks = 0
  for (const stat of stats) {
    if (stat === null) continue
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const isOfIt = Number.parseInt(stat, 10) === pid || Number(fields[1]) === pid
    if (isOfIt) for (const field of fields.slice(11, 15)) ticks += Number(field)
  }
  return (ticks / TICKS_PER_SECOND) * 1000
}

/** Resident memory of a process: now, or at its highest. MiB. */
export async function memoryMiB(pid: number, which: 'VmRSS' | 'VmHWM' = 'VmRSS'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${which}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024
}
