/** The cheapest server that answers 200 to a call and knows when each came, in a process of its own. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { end } from '../kit/processes.ts'

export type Receiver = {
  url: string
  /** Waits for so many calls since the last time; fewer when `giveUpMs` have passed. Their times, in `Date`'s milliseconds. */
  calls(count: number, giveUpMs: number): Promise<number[]>
  end(): Promise<void>
}

export async function startReceiver(): Promise<Receiver> {
  const child: ChildProcess = fork(import.meta.filename, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [],
  })
  const [url] = (await once(child, 'message')) as [string]
  return {
    url,
    async calls(count, giveUpMs) {
      for (const until = performance.now() + giveUpMs; ; await sleep(20)) {
        const isLate = performance.now() > until
        child.send({ count, isLate })
        const [times] = (await once(child, 'message')) as [number[] | null]
        if (times) return times
      }
    },
    end: () => end(child),
  }
}

if (process.argv[1] === import.meta.filename && process.send) {
  let times: number[] = []
  const server = createServer((request, response) => {
    times.push(performance.timeOrigin + performance.now())
    request.resume()
    response.end('ok')
  })
  server.keepAliveTimeout = 60_000
  process.on('message', ({ count, isLate }: { count: number; isLate: boolean }) => {
    const isEnough = times.length >= count || isLate
    process.send?.(isEnough ? times : null)
    if (isEnough) times = []
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  process.send(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
}
