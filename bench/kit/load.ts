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
}

/** Answers a second, and milliseconds. @throws Error when an answer is no 2xx, or a socket fails */
export async function load({ url, connections, seconds, headers = {}, body }: Load) {
  const folder = await mkdtemp(path.join(tmpdir(), 'runsheet-wrk-'))
  try {
    const script = path.join(folder, 'post.lua')
    if (body !== undefined) await writeFile(script, `wrk.method = "POST"\nwrk.body = [==[${body}]==]\n`)
    const { stdout } = await run('wrk', [
      ...['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '--timeout', '10s'],
      ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
      ...(body === undefined ? [] : ['-s', script]),
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
  const [, value, unit] = /^([\d.]+)(us|ms|s)$/.exec(text) ?? []
  return Number(value) * (unit === 'us' ? 0.001 : unit === 's' ? 1000 : 1)
}
