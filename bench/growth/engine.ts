/** What the engine asks of a database, by its own functions: looks for due slots, and runs from their slot to their end. */
import { claimRuns } from '../../src/engine/claim.ts'
import { lockDueJobs, lockListeners, nextSlotDue, setNextSlots } from '../../src/engine/queries.ts'
import { newId } from '../../src/kernel/ids.ts'
import { enqueueRuns } from '../../src/runs/enqueue.ts'
import { settleRuns } from '../../src/runs/transition/settle.ts'
import { unblockRuns } from '../../src/runs/transition/waiting.ts'
import type { Meter } from './meter.ts'

/** As many as the engine fires together, and as a node runs at once. */
const BATCH = 50
const TIMES = { look: 200, lone: 100, batch: 70, counted: 10 }
const LEASE_SECONDS = 10

const SAMPLE = `select id from job where trigger = 'SCHEDULE' order by md5(id::text) limit 20000`
const MAKE_DUE = `update job set next_run_at = date_trunc('milliseconds', clock_timestamp()) where id = any($1::uuid[])`
const PUT_OFF = `update job set next_run_at = clock_timestamp() + interval '1 day' where id = any($1::uuid[])`
const OWNERS = `select id from principal where handle like 'owner-%' order by md5(id::text) limit 200`

/** `measure` is one turn: looks that find nothing and 50, and runs alone and by 50, always of other jobs. */
export async function createEngineSteps(meter: Meter) {
  const { sql, transaction } = meter
  const ids = async (text: string) => (await sql<{ id: string }>(text)).map(({ id }) => id)
  const [sample, owners] = [await ids(SAMPLE), await ids(OWNERS)]
  const nodeId = newId()
  let next = 0
  const some = (count: number) => Array.from({ length: count }, () => sample[next++ % sample.length] ?? '')

  async function look(key: string, expected: number) {
    await meter.measure(key, () =>
      transaction(async (sql) => {
        const found = await lockDueJobs(sql, BATCH)
        if (found.length !== expected) throw new Error(`found ${found.length} due jobs, not ${expected}`)
        await nextSlotDue(sql)
      }),
    )
  }

  async function cycle(suffix: string, count: number) {
    await sql(MAKE_DUE, [some(count)])
    const step = <Result>(name: string, work: () => Promise<Result>) => meter.measure(`${name}-${suffix}`, work)
    await step('fire', () =>
      transaction(async (sql) => {
        const due = await lockDueJobs(sql, BATCH)
        const runs = due.map(({ jobId, nextRunAt }) => ({
          ...{ id: newId(), jobId, trigger: 'SCHEDULE' as const, scheduledFor: nextRunAt, policy: 'SKIP' as const },
        }))
        await enqueueRuns(sql, runs, { cancelGraceSeconds: 10 })
        await setNextSlots(
          sql,
          due.map(({ jobId, now }) => ({ jobId, next: new Date(now.getTime() + 86_400_000) })),
        )
      }),
    )
    const { runs } = await step('claim', () => claimRuns(sql, nodeId, LEASE_SECONDS, count))
    if (runs.length !== count) throw new Error(`claimed ${runs.length} runs, not ${count}`)
    await step('finish', async () => {
      await settleRuns(
        sql,
        { leaseOwner: nodeId },
        runs.map(({ runId, jobId, attempt }) => ({
          ...{ runId, jobId, attempt, status: 'SUCCEEDED' as const, output: null },
          step: { position: 0, name: 'call', status: 'SUCCEEDED' as const, output: null, deliveries: [] },
        })),
      )
      await unblockRuns(
        { sql, transaction },
        runs.map(({ jobId }) => jobId),
      )
    })
  }

  /** Of an event that ten of its owner's jobs wait for, among those of all owners that have the same name. */
  async function dispatch() {
    const ownerId = owners[next++ % owners.length] ?? ''
    const event = { id: newId(), type: 'order.number-3', ownerId, artifactId: null, depth: 0, createdAt: new Date() }
    const found = await meter.measure('listeners', () => transaction((sql) => lockListeners(sql, [event])))
    if (found.length !== 10) throw new Error(`found ${found.length} listeners, not 10`)
  }

  async function turn(times: Omit<typeof TIMES, 'counted'>) {
    for (let n = 0; n < times.look; n++) await look('look', 0)
    const due = some(BATCH)
    await sql(MAKE_DUE, [due])
    for (let n = 0; n < times.look; n++) await look('due', BATCH)
    await sql(PUT_OFF, [due])
    for (let n = 0; n < times.lone; n++) await cycle('1', 1)
    for (let n = 0; n < times.batch; n++) await cycle('50', BATCH)
    for (let n = 0; n < times.look; n++) await dispatch()
  }

  return async () => {
    const { counted } = TIMES
    await meter.count(() => turn({ look: counted, lone: counted, batch: counted }))
    await turn(TIMES)
  }
}
