/** The product's latencies, measured from outside: by clients over HTTP and at the receiver of its webhooks. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Sample } from '../kit/compare.ts'
import { percentile } from '../kit/numbers.ts'
import { delaysAfter, withReceiver } from './receiving.ts'
import { createJob, runJob, withServer } from './runsheet-server.ts'

const CLIENTS = 10
/** Jobs from whose making is told how long that of all takes. */
const PILOTS = 50
const SPARE_MS = 4_000

/** From sending `runJob` to the receiver's having the call, one after the other. */
export async function latencyOverHttp(count: number): Promise<Sample> {
  let arrived = (_at: number) => {}
  const receiver = createServer((request, response) => {
    arrived(performance.now())
    request.resume()
    response.end('ok')
  })
  await once(receiver.listen(0, '127.0.0.1'), 'listening')
  const target = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`
  try {
    return await withServer(async ({ url }) => {
      const job = await createJob(url, target)
      const latencies: number[] = []
      for (let run = 0; run < count; run++) {
        const sent = performance.now()
        const call = new Promise<number>((resolve) => {
          arrived = resolve
        })
        await runJob(url, job)
        latencies.push((await call) - sent)
        await sleep(5)
      }
      return { start50: percentile(latencies, 50), start99: percentile(latencies, 99) }
    })
  } finally {
    receiver.close()
    receiver.closeAllConnections()
  }
}

/** Jobs with one slot each, the same for all. @throws Error when they were not made before it */
export function dueAtOnce(count: number, giveUpMs: number): Promise<Sample> {
  return withReceiver((receiver) =>
    withServer(async ({ url }) => {
      const create = async (jobs: number, more: object = {}) => {
        for (let made = 0; made < jobs; made += CLIENTS) {
          await Promise.all(Array.from({ length: CLIENTS }, () => createJob(url, receiver.url, more)))
        }
      }
      const began = Date.now()
      await create(PILOTS)
      const expectedMs = ((Date.now() - began) / PILOTS) * count
      const at = Math.ceil((Date.now() + expectedMs + SPARE_MS) / 1000) * 1000
      await create(count, { schedule: { at: new Date(at).toISOString() } })
      if (Date.now() > at) throw new Error('the jobs were not made in time')
      return delaysAfter(receiver, at, count, at - Date.now() + giveUpMs)
    }),
  )
}
