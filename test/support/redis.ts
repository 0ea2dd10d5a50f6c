/** A Redis of the test's own, on a port that it has again when it comes back. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from './free-port.ts'

const COMMAND = 'redis-server'

/** Whether this machine has one. */
export const hasRedis = spawnSync(COMMAND, ['--version']).status === 0

export type OwnRedis = Awaited<ReturnType<typeof startRedis>>

export async function startRedis() {
  const port = await freePort()
  const folder = mkdtempSync(path.join(tmpdir(), 'runsheet-redis-'))
  let child: ChildProcess | undefined

  async function start() {
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder]
    const started = spawn(COMMAND, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    child = started
    for await (const line of createInterface({ input: started.stdout })) {
      if (line.includes('Ready to accept connections')) break
    }
    started.stdout.resume()
  }

  async function stop() {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  await start()
  return {
    /** It answers no more, and its connections stand. */
    freeze: () => child?.kill('SIGSTOP'),
    thaw: () => child?.kill('SIGCONT'),
    url: `redis://127.0.0.1:${port}`,
    start,
    stop,
    /** One line, as it is typed to redis-cli. */
    async command(line: string) {
      const socket = connect(port, '127.0.0.1')
      socket.write(`${line}\r\n`)
      await once(socket, 'data')
      socket.destroy()
    },
    async remove() {
      await stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
