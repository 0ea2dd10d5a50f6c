import { expect, it } from 'vitest'
import { claimRuns } from '../../src/engine/claim.ts'
import { lockDueJobs, lockListeners, nextSlotDue } from '../../src/engine/queries.ts'
import { newId } from '../../src/kernel/ids.ts'
import { createLogReader } from '../../src/live/log-reader.ts'
import { recordRuns } from '../../src/runs/transition/record.ts'
import { settleRuns } from '../../src/runs/transition/settle.ts'
import { rowsOf } from './plan-rows.ts'
import { useWorld, type World } from './world.ts'

let world: World
useWorld((made) => {
  world = made
})

it('looking for due slots passes over no job that is due later', { timeout: 60_000 }, async () => {
  await world.job({ schedule: { every: { seconds: 3600 } } })
  await world.sql(
    `insert into job (id, surface, owner_id, created_by_id, schedule_id, trigger, next_run_at)
    select gen_random_uuid(), surface, owner_id, created_by_id, schedule_id, trigger, next_run_at + make_interval(secs => n)
    from job, generate_series(1, 20000) n where schedule_id is not null`,
  )
  for (const analyzed of [false, true]) {
    if (analyzed) await world.sql('analyze job')
    for (const mode of ['force_custom_plan', 'force_generic_plan']) {
      await world.sql(
        'update job set next_run_at = clock_timestamp() where id in (select id from job order by next_run_at limit 3)',
      )
      expect(await rowsOf(world.database, mode, (sql) => lockDueJobs(sql, 50))).toBeLessThan(100)
      expect(await rowsOf(world.database, mode, nextSlotDue)).toBeLessThan(100)
    }
  }
})

it('queueing, starting and ending many runs at once compares none with the others', { timeout: 60_000 }, async () => {
  const jobId = await world.job({ overlap: 'ALLOW' })
  for (const mode of ['force_custom_plan', 'force_generic_plan']) {
    const rowsFor = async (count: number) => {
      const leaseOwner = newId()
      const runs = Array.from({ length: count }, () => ({
        ...{ id: newId(), jobId, trigger: 'MANUAL' as const, waits: false },
      }))
      const outcomes = runs.map(({ id }) => ({
        ...{ runId: id, jobId, attempt: 1, status: 'SUCCEEDED' as const, output: null },
      }))
      const queueing = await rowsOf(world.database, mode, (sql) => recordRuns(sql, runs))
      const starting = await rowsOf(world.database, mode, (sql) => claimRuns(sql, leaseOwner, 10, count))
      const ending = await rowsOf(world.database, mode, (sql) => settleRuns(sql, { leaseOwner }, outcomes))
      expect(await world.sql('select from run_queue')).toEqual([])
      return { queueing, starting, ending }
    }
    const [few, many] = [await rowsFor(20), await rowsFor(400)]
    for (const part of ['queueing', 'starting', 'ending'] as const) {
      expect(many[part], `${part}, ${mode}`).toBeLessThan(25 * few[part])
    }
  }
})

it('queueing a run reads the actions of its own job and of no other', { timeout: 60_000 }, async () => {
  const jobId = await world.job()
  await world.sql(
    `insert into action (id, job_id, position, kind, name, config)
    select gen_random_uuid(), job_id, n, kind, 'step ' || n, config from action, generate_series(1, 3) n
    where job_id = $1::uuid`,
    [jobId],
  )
  await world.sql(
    `with other as (
      insert into job (id, surface, owner_id, created_by_id, trigger)
      select gen_random_uuid(), surface, owner_id, created_by_id, 'MANUAL' from job, generate_series(1, 10000)
      where job.id = $1::uuid returning id)
    insert into action (id, job_id, position, kind, name, config)
    select gen_random_uuid(), other.id, 0, kind, name, config from other, action where job_id = $1::uuid and position = 0`,
    [jobId],
  )
  for (const analyzed of [false, true]) {
    if (analyzed) await world.sql('analyze action')
    for (const mode of ['force_custom_plan', 'force_generic_plan']) {
      const run = { id: newId(), jobId, trigger: 'MANUAL' as const, waits: false }
      expect(await rowsOf(world.database, mode, (sql) => recordRuns(sql, [run]))).toBeLessThan(100)
      const { plan } = await world.run(run.id)
      expect(plan).toMatchObject({
        actions: [{ name: 'webhook' }, { name: 'step 1' }, { name: 'step 2' }, { name: 'step 3' }],
      })
    }
  }
})

it('the reader of the log finds where to begin without reading the log', async () => {
  const jobId = await world.job()
  await world.sql(
    `insert into run_event (run_id, job_id, seq, kind)
    select gen_random_uuid(), $1::uuid, 1, 'QUEUED' from generate_series(1, 10000)`,
    [jobId],
  )
  for (const mode of ['force_custom_plan', 'force_generic_plan']) {
    const rows = await rowsOf(world.database, mode, (sql) =>
      createLogReader(async <Row>(text: string, values?: unknown[]) =>
        text.includes('pg_stat_activity') ? ([{ since: new Date() }] as Row[]) : sql<Row>(text, values),
      ).settled(),
    )
    expect(rows).toBeLessThan(10)
  }
})

it('whom an event starts is found without passing over those of others that wait for its type', {
  timeout: 60_000,
}, async () => {
  const jobId = await world.job({ eventType: 'order.paid' })
  await world.sql(
    `with other as (
      insert into principal (id, handle) select gen_random_uuid(), 'other-' || n from generate_series(1, 5000) n returning id)
    insert into job (id, surface, owner_id, created_by_id, trigger, event_type)
    select gen_random_uuid(), surface, other.id, other.id, 'EVENT', event_type from job, other where job.id = $1::uuid`,
    [jobId],
  )
  const { principalId: ownerId } = world.alice
  const event = { id: newId(), type: 'order.paid', ownerId, artifactId: null, depth: 0, createdAt: new Date() }
  expect((await lockListeners(world.sql, [event])).map((listener) => listener.jobId)).toEqual([jobId])
  for (const analyzed of [false, true]) {
    if (analyzed) await world.sql('analyze job')
    for (const mode of ['force_custom_plan', 'force_generic_plan'])
      expect(await rowsOf(world.database, mode, (sql) => lockListeners(sql, [event]))).toBeLessThan(100)
  }
})
