/**
 * The server process of a data directory, as its `postmaster.pid` tells of it. PostgreSQL writes that file first and
 * removes it last, so it is the only witness that also knows of a server which an earlier, killed process started:
 *
 *     no file ──spawn──▶ starting ──▶ ready ──SIGINT──▶ stopping ──▶ no file
 *                            └── kill -9 ──▶ the file names a process that is gone, a zombie or a stranger
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RunAs } from './embedded-home.ts'

export type Postmaster = { pid: number; port: number; ready: boolean }

const pidFile = (data: string) => path.join(data, 'postmaster.pid')

/** What the file says, or null without a file. A file that is empty (a crash, a full disk) names pid 0. */
export function readPostmaster(data: string): Postmaster | null {
  try {
    const lines = fs.readFileSync(pidFile(data), 'utf8').split('\n')
    return { pid: Number(lines[0]) || 0, port: Number(lines[3]) || 0, ready: lines[7]?.trim() === 'ready' }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/**
 * `running`: a PostgreSQL, and as far as can be seen that of `data`. `gone`: no such process. `stranger`: a zombie, or
 * something else that was given the number since.
 */
export function judge(pid: number, data: string): 'running' | 'gone' | 'stranger' {
  if (pid === 0) return 'stranger'
  const seen = process.platform === 'linux' ? fromProc(pid) : fromPs(pid)
  if (!seen) return 'gone'
  if (seen.state === 'Z' || seen.program !== 'postgres') return 'stranger'
  return [null, fs.realpathSync(data)].includes(workingDirectory(pid)) ? 'running' : 'stranger'
}

/** Images made for production often lack `ps`, so Linux is read from /proc. */
function fromProc(pid: number) {
  try {
    const [, program, state] = /^\d+ \((.*)\) (\w)/s.exec(fs.readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
    return { program, state }
  } catch {
    return null
  }
}

function fromPs(pid: number) {
  try {
    const line = execFileSync('ps', ['-o', 'stat=,comm=', '-p', String(pid)], { encoding: 'utf8' }).trim()
    const [, state, program] = /^(\w)\S*\s+(.*)$/.exec(line) ?? []
    return { program: path.basename(program ?? ''), state }
  } catch {
    return null
  }
}

/** A postmaster works in its data directory. Null where that cannot be seen: other systems, other users' processes. */
function workingDirectory(pid: number) {
  try {
    return fs.readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return null
  }
}

/**
 * Makes a file that names a stranger harmless. PostgreSQL would refuse to start beside the stranger; deleted, the file
 * could no longer keep it from starting beside surviving backends of a killed server, which it knows by the shared
 * memory that the other lines name. A postmaster ignores its own parent there: that is who we are about to be.
 */
export function disown(data: string) {
  const rest = fs.readFileSync(pidFile(data), 'utf8').split('\n').slice(1)
  fs.writeFileSync(pidFile(data), [process.pid, ...rest].join('\n'))
}

/** In a process group of its own, so that Ctrl-C stops us first and the database last. Rejects if it cannot run. */
export async function spawnPostmaster(postgres: string, args: string[], runAs: RunAs, logFile: string) {
  const out = fs.openSync(logFile, 'a', 0o600)
  const env = { PATH: process.env.PATH, TZ: 'UTC', LC_ALL: 'C' }
  const child = spawn(postgres, args, { ...runAs, cwd: '/', env, detached: true, stdio: ['ignore', out, out] })
  fs.closeSync(out)
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject))
  child.unref()
  return child
}

export const hasExited = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

/**
 * Fast shutdown; without waiting for a checkpoint if that takes over 10 s. PostgreSQL then kills
 * what hangs 5 s later; rejects if it runs for longer still.
 */
export async function stopPostmaster(pid: number, data: string) {
  const isUp = () => readPostmaster(data)?.pid === pid && judge(pid, data) === 'running'
  for (const [signal, patience] of [
    ['SIGINT', 10_000],
    ['SIGQUIT', 8_000],
  ] as const) {
    if (!isUp()) return
    signalIfAlive(pid, signal)
    for (const end = Date.now() + patience; isUp() && Date.now() < end; ) await sleep(5)
  }
  if (isUp()) throw new Error(`PostgreSQL (pid ${pid}) does not stop`)
}

function signalIfAlive(pid: number, signal: NodeJS.Signals) {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
