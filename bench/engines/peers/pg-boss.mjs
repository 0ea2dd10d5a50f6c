/**
 * pg-boss at its defaults, and `TUNED`: woken by NOTIFY, in batches that follow each other while they are full. `QUICK`: what
 * a worker had that died is done again as soon as it can.
 */
import { PgBoss } from 'pg-boss'
import { CONCURRENCY, serve } from '../program.ts'

const QUEUE = 'bench'
const { DATABASE_URL: connectionString, TUNED: isTuned, QUICK: isQuick } = process.env
const WORKERS = 5

async function open() {
  const boss = new PgBoss({
    connectionString,
    ...(isTuned && { useListenNotify: true, max: 20 }),
    ...(isQuick && { superviseIntervalSeconds: 1, monitorIntervalSeconds: 1 }),
  })
  boss.on('error', console.error)
  await boss.start()
  const isThere = await boss.getQueue(QUEUE)
  if (!isThere) {
    await boss.createQueue(QUEUE, { ...(isTuned && { notify: true }), ...(isQuick && { heartbeatSeconds: 10 }) })
  }
  const database = boss.getDb()

  return {
    async add(from, count, startAfter) {
      const jobs = Array.from({ length: count }, (_, index) => ({ data: { job: from + index }, startAfter }))
      await boss.insert(QUEUE, jobs)
    },
    addOne: (job) => boss.send(QUEUE, { job }),
    async work(handle, { isWide = false } = {}) {
      const each = isWide ? 500 : CONCURRENCY / WORKERS
      const options = isTuned
        ? { localConcurrency: WORKERS, batchSize: each, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 }
        : { localConcurrency: CONCURRENCY }
      // NOTIFY tells of no job that becomes due: for those a notified queue is polled too, as often as it can be.
      const polling = isTuned ? { notifyPollingIntervalSeconds: 0.5 } : {}
      await boss.work(QUEUE, { ...options, ...polling }, async (jobs) => {
        await Promise.all(jobs.map(({ data }) => handle(data.job)))
      })
    },
    async isDone() {
      const text = `select not exists (select from pgboss.job where name = $1 and state < 'completed') as done`
      return (await database.executeSql(text, [QUEUE])).rows[0].done
    },
    close: () => boss.stop({ graceful: false }),
  }
}

await serve(open)
