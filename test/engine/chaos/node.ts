/** A Runsheet process that is killed, stopped, frozen and started again. What it does on its own is a fault. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../support/free-port.ts'

const checkout = path.resolve(import.meta.dirname, '../../..')
const KEPT_LINES = 40
const GIVE_UP_MS = 120_000

/** They end with us, however that comes about. */
const living = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL')
})

export type NodeProcess = Awaited<ReturnType<typeof createNode>>

/** `through`: a command that starts it elsewhere, such as in another network namespace, where it has the address `host`. */
export async function createNode(
  name: string,
  env: Record<string, string>,
  { through = [], host = '127.0.0.1' }: { through?: string[]; host?: string } = {},
) {
  const port = await freePort()
  const url = `http://${host}:${port}`
  const lines: string[] = []
  const faults: string[] = []
  let child: ChildProcess | undefined
  let isFrozen = false
  /** Whoever ends it says so before. */
  let isEnding = false

  function start() {
    const [command = '', ...args] = [...through, process.execPath, '--import', 'tsx', 'src/main.ts']
    const started = spawn(command, args, {
      cwd: checkout,
      env: {
        PATH: process.env.PATH,
        HOST: host,
        PORT: String(port),
        EGRESS_ALLOW_CIDRS: '127.0.0.0/8',
        LOG_LEVEL: 'warn',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child = started
    living.add(started)
    isEnding = false
    for (const stream of [started.stdout, started.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line)
        if (lines.length > KEPT_LINES) lines.shift()
      })
    }
    started.once('exit', (code, signal) => {
      living.delete(started)
      if (child !== started) return
      child = undefined
      isFrozen = false
      if (isEnding) return
      faults.push(`node ${name} ended by itself with ${code ?? signal}:\n${lines.join('\n')}`)
      start()
    })
  }

  async function end(signal: 'SIGKILL' | 'SIGTERM') {
    if (!child) return
    isEnding = true
    const exited = once(child, 'exit')
    child.kill(signal)
    if (isFrozen) child.kill('SIGCONT')
    const [code, by] = await exited
    if (signal === 'SIGTERM' && code !== 0) {
      faults.push(`node ${name} was told to stop and ended with ${code ?? by}:\n${lines.slice(-10).join('\n')}`)
    }
  }

  const isReady = () =>
    fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(5_000) }).then(
      async (response) => (await response.text()) !== '' && response.ok,
      () => false,
    )

  return {
    name,
    url,
    faults,
    lines,
    start,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    freeze() {
      isFrozen = true
      child?.kill('SIGSTOP')
    },
    thaw() {
      isFrozen = false
      child?.kill('SIGCONT')
    },
    pid: () => child?.pid,
    isUp: () => child !== undefined && !isEnding,
    isFrozen: () => isFrozen,
    isReady,
    async ready() {
      const end = Date.now() + GIVE_UP_MS
      while (!(await isReady())) {
        if (Date.now() > end) throw new Error(`node ${name} is not ready:\n${lines.join('\n')}`)
        await sleep(50)
      }
    },
  }
}
