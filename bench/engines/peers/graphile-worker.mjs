/** graphile-worker at its defaults, and `TUNED` as its page on performance does it, with polling that is as quick as the others'. */
import { makeWorkerUtils, run } from 'graphile-worker'
import { CONCURRENCY, serve } from '../program.ts'

const connectionString = process.env.DATABASE_URL
const worker = {
  ...{ connectionString, concurrentJobs: CONCURRENCY, maxPoolSize: CONCURRENCY + 2 },
  ...(process.env.TUNED && {
    localQueue: { size: 500 },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
    pollInterval: 100,
  }),
}
const quiet = { scope: () => quiet, debug() {}, info() {}, warn() {}, error: console.error }

async function open() {
  const utils = await makeWorkerUtils({ preset: { worker: { ...worker, logger: quiet } } })
  await utils.migrate()
  let runner
  return {
    add: (from, count, runAt) =>
      utils.addJobs(
        Array.from({ length: count }, (_, index) => ({ identifier: 'job', payload: { job: from + index }, runAt })),
      ),
    addOne: (job) => utils.addJob('job', { job }),
    async work(handle) {
      const taskList = { job: ({ job }) => handle(job) }
      const preset = { worker: { ...worker, logger: quiet } }
      runner = await run({ preset, taskList, noHandleSignals: true, parsedCronItems: [] })
    },
    isDone: () =>
      utils.withPgClient(async (client) => {
        const { rows } = await client.query('select not exists (select from graphile_worker._private_jobs) as done')
        return rows[0].done
      }),
    async close() {
      await runner?.stop()
      await utils.release()
    },
  }
}

await serve(open)
