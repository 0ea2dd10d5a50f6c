/** BullMQ, whose defaults are what it recommends. `QUICK`: what a worker had that died is done again as soon as it can. */
import { Queue, Worker } from 'bullmq'
import { CONCURRENCY, serve } from '../program.ts'

const QUEUE = 'bench'
const { hostname: host, port } = new URL(process.env.REDIS_URL)
const connection = { host, port: Number(port), maxRetriesPerRequest: null }
const quick = process.env.QUICK ? { lockDuration: 1_000, stalledInterval: 1_000 } : {}

async function open() {
  const queue = new Queue(QUEUE, { connection })
  queue.on('error', console.error)
  await queue.waitUntilReady()
  let worker
  return {
    async add(from, count, at) {
      const opts = at ? { delay: at.getTime() - Date.now() } : {}
      await queue.addBulk(
        Array.from({ length: count }, (_, index) => ({ name: 'job', data: { job: from + index }, opts })),
      )
    },
    addOne: (job) => queue.add('job', { job }),
    async work(handle) {
      worker = new Worker(QUEUE, ({ data }) => handle(data.job), { connection, concurrency: CONCURRENCY, ...quick })
      worker.on('error', console.error)
      await worker.waitUntilReady()
    },
    async isDone() {
      const counts = await queue.getJobCounts('wait', 'active', 'delayed', 'prioritized')
      return Object.values(counts).every((count) => count === 0)
    },
    async close() {
      await worker?.close(true)
      await queue.close()
    },
  }
}

await serve(open)
