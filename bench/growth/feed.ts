/** What the live feed asks of a database, by its own reader: the past behind a cursor, the tail, and the stream of one run. */
import { createLogReader } from '../../src/live/log-reader.ts'
import type { Meter } from './meter.ts'

const TIMES = { timed: 200, counted: 10 }
const SAMPLE = `select run_id as "runId", job_id as "jobId", position::float8 as position from run_event
  where position in (select (random() * (select max(position) from run_event))::bigint from generate_series(1, 2000))`
const LAST = 'select max(position)::float8 as position from run_event'
const OWNER = `select id from principal where handle = 'owner-0'`
/** So far behind is a subscriber who was away for a moment. */
const BEHIND = 1_000

export async function createFeedSteps(meter: Meter) {
  const { sql, measure } = meter
  const reader = createLogReader(sql)
  const sample = await sql<{ runId: string; jobId: string; position: number }>(SAMPLE)
  const [owner] = await sql<{ id: string }>(OWNER)
  let next = 0

  async function turn(times: number) {
    const [{ position: last } = { position: 0 }] = await sql<{ position: number }>(LAST)
    for (let n = 0; n < times; n++) {
      const { runId, jobId, position } = sample[next++ % sample.length] ?? { runId: '', jobId: '', position: 0 }
      await measure('past', () => reader.page({}, position))
      await measure('tail', () => reader.page({}, last))
      await measure('settled', () => reader.settled())
      await measure('run', async () => {
        await reader.page({ runId }, 0)
        await reader.lastOf({ runId })
      })
      await measure('job', () => reader.page({ jobId }, 0))
      await measure('owner', () => reader.page({ principals: [owner?.id ?? ''] }, last - BEHIND, last))
    }
  }

  return async () => {
    await meter.count(() => turn(TIMES.counted))
    await turn(TIMES.timed)
  }
}
