/** Requests over HTTP from `wrk`, a process of its own that costs little of the machine. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export type Load = {
  url: string
  connections: number
  seconds: number
  headers?: Record<string, string>
  /** Sent as POST; without it GET. */
  body?: string
  /** Lua for wrk that makes the requests, in the place of one body for all. */
  script?: string
}

/** Answers a second, and milliseconds. @throws Error when an answer is no 2xx, or a socket fails */
export async function load({ url, connections, seconds, headers = {}, body, script }: Load) {
  const folder = await mkdtemp(path.join(tmpdir(), 'runsheet-wrk-'))
  try {
    const file = path.join(folder, 'requests.lua')
    const lua = body === undefined ? script : `wrk.method = "POST"\nwrk.body = [==[${body}]==]\n`
    if (lua !== undefined) await writeFile(file, lua)
    const { stdout } = await run('wrk', [
      ...['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '15s', '--latency'],
      ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
      ...(lua === undefined ? [] : ['-s', file]),
      url,
    ])
    if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(stdout)
    return {
      perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
      p50: milliseconds(/50%\s+(\S+)/.exec(stdout)?.[1]),
      p99: milliseconds(/99%\s+(\S+)/.exec(stdout)?.[1]),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function milliseconds(text = ''): number {
  const [, value, unit] = /^([\d.]+)(us|ms|s|m)$/.exec(text) ?? []
  return Number(value) * ({ us: 0.001, ms: 1, s: 1_000, m: 60_000 }[unit ?? ''] ?? 1)
}
