/** Which of several runs goes first, and what the others cost. */
import { describe, expect, it } from 'vitest'
import { claimLimitedRuns, claimRuns, nextAvailable } from '../../src/engine/claim.ts'
import { newId } from '../../src/kernel/ids.ts'
import { rowsOf } from './plan-rows.ts'
import { createStage, useWorld, type World } from './world.ts'

let world: World
useWorld((made) => {
  world = made
})

const allow = { overlap: 'ALLOW' as const }
const claimed = async (limit: number) => (await claimRuns(world.sql, newId(), 10, limit)).runs.map(({ jobId }) => jobId)
const postpone = (runId: string, seconds: number) =>
  world.sql(
    `update run_queue set available_at = clock_timestamp() + make_interval(secs => $2) where run_id = $1::uuid`,
    [runId, seconds],
  )

describe('when places are scarce', () => {
  it('runs go by their job’s priority or the one of the request, lower first, and then by their time', async () => {
    const stage = createStage()
    const node = await world.node(stage.perform, { concurrency: 1 })
    await world.start(await world.job())
    const first = await stage.call(0)
    const [late, normal, early] = [
      await world.job({ ...allow, priority: 100 }),
      await world.job(allow),
      await world.job({ ...allow, priority: -100 }),
    ]
    const wanted = [
      [await world.start(late), 6],
      [await world.start(normal), 3],
      [await world.start(normal), 4],
      [await world.start(early), 1],
      [(await world.runs.start(world.alice, { jobId: late, priority: -50 })).id, 2],
      [(await world.runs.start(world.alice, { jobId: early, priority: 50 })).id, 5],
    ] as const
    first.end()
    for (let place = 1; place <= 6; place++) {
      const call = await stage.call(place)
      expect(call.run.runId).toBe(wanted.find(([, at]) => at === place)?.[0])
      call.end()
    }
    await node.stop()
  })

  it('the same holds among runs that wait for each other', async () => {
    const stage = createStage()
    await world.node(stage.perform)
    const jobId = await world.job()
    await world.start(jobId)
    const first = await stage.call(0)
    const low = await world.start(jobId)
    const high = (await world.runs.start(world.alice, { jobId, priority: -1 })).id
    first.end()
    const second = await stage.call(1)
    expect(second.run.runId).toBe(high)
    second.end()
    const third = await stage.call(2)
    expect(third.run.runId).toBe(low)
    third.end()
    await expect.poll(() => world.statuses(jobId)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED'])
  })

  it('the same holds among runs that share a limit', async () => {
    const stage = createStage()
    await world.node(stage.perform)
    const jobId = await world.job({ ...allow, concurrency: { limit: 1 } })
    await world.start(jobId)
    const first = await stage.call(0)
    const low = await world.start(jobId)
    const high = (await world.runs.start(world.alice, { jobId, priority: -1 })).id
    first.end()
    const second = await stage.call(1)
    expect(second.run.runId).toBe(high)
    second.end()
    expect((await stage.call(2)).run.runId).toBe(low)
    stage.calls[2]?.end()
    await expect.poll(() => world.sql('select 1 from run_queue')).toEqual([])
  })

  it('a claim takes all that is due of the first, then of the next', async () => {
    const [one, two, three] = [
      await world.job({ ...allow, priority: -1 }),
      await world.job(allow),
      await world.job({ ...allow, priority: 7 }),
    ]
    for (const jobId of [three, two, one, three, two, one]) await world.start(jobId)
    expect((await claimed(3)).toSorted()).toEqual([one, one, two].toSorted())
    expect((await claimed(10)).toSorted()).toEqual([two, three, three].toSorted())
  })
})

describe('a run of high priority that is due later', () => {
  it('does not hold up one of low priority that is due now', async () => {
    const urgent = await world.start(await world.job({ priority: -100 }))
    await postpone(urgent, 3_600)
    const patient = await world.job({ priority: 100 })
    await world.start(patient)
    expect(await claimed(10)).toEqual([patient])
  })

  it('does not hide when the next one of low priority is due', async () => {
    const urgent = await world.start(await world.job({ priority: -100 }))
    await postpone(urgent, 3_600)
    const patient = await world.start(await world.job({ priority: 100 }))
    await postpone(patient, 60)
    const wait = (await nextAvailable(world.sql)) ?? Number.NaN
    expect(wait).toBeGreaterThan(30_000)
    // Its column rounds to milliseconds.
    expect(wait).toBeLessThanOrEqual(60_001)
    await postpone(patient, -1)
    expect(await nextAvailable(world.sql)).toBe(0)
  })

  it('lets one of low priority start on its time, on a node that has nothing else to do', async () => {
    const stage = createStage()
    await postpone(await world.start(await world.job({ priority: -100 })), 3_600)
    const runId = await world.start(await world.job({ priority: 100 }))
    await postpone(runId, 2)
    await world.node(stage.perform)
    const { run } = await stage.call(0)
    expect(run.runId).toBe(runId)
    stage.calls[0]?.end()
    await expect.poll(async () => (await world.run(runId)).status).toBe('SUCCEEDED')
    const [row] = await world.sql<{ early: boolean }>(
      'select started_at < available_at as early from run where id = $1::uuid',
      [runId],
    )
    expect(row).toEqual({ early: false })
  })
})

describe('100,000 entries that are due later', () => {
  const bound = 2_000
  const fill = (group: string | null, priorities: number) =>
    world.sql(
      `insert into run_queue (run_id, job_id, available_at, priority, limit_group, group_limit, owner_id)
      select gen_random_uuid(), $1::uuid, clock_timestamp() + interval '1 hour' + make_interval(secs => n), n % $3::int,
        $2::text, case when $2::text is not null then 5 end, case when $2::text is not null then $1::uuid end
      from generate_series(1, 100000) n`,
      [newId(), group, priorities],
    )

  it.each([
    ['free', null, 3],
    ['free, of 100 priorities', null, 100],
    ['in one group', 'key a', 3],
  ] as const)('do not slow a claim down: %s', { timeout: 60_000 }, async (_what, group, priorities) => {
    await fill(group, priorities)
    for (const analyzed of [false, true]) {
      if (analyzed) await world.sql('analyze run_queue')
      for (const mode of ['force_custom_plan', 'force_generic_plan']) {
        await world.start(await world.job(allow))
        await world.start(await world.job({ ...allow, concurrency: { limit: 1 } }))
        const node = newId()
        expect(await rowsOf(world.database, mode, nextAvailable)).toBeLessThan(bound)
        expect(await rowsOf(world.database, mode, (sql) => claimRuns(sql, node, 10, 20))).toBeLessThan(bound)
        expect(await rowsOf(world.database, mode, (sql) => claimLimitedRuns(sql, node, 10, 20))).toBeLessThan(bound)
        expect(await world.sql('select 1 from run_queue where lease_owner = $1::uuid', [node])).toHaveLength(2)
      }
    }
    await world.sql('delete from run_queue where available_at > clock_timestamp()')
  })

  it('of 1,000 groups do not either, beyond a look at each', { timeout: 60_000 }, async () => {
    await world.sql(
      `insert into run_queue (run_id, job_id, available_at, limit_group, group_limit, owner_id)
      select gen_random_uuid(), $1::uuid, clock_timestamp() + interval '1 hour', 'key ' || n % 1000, 5, $1::uuid
      from generate_series(1, 100000) n`,
      [newId()],
    )
    await world.sql('analyze run_queue')
    expect(await rowsOf(world.database, 'auto', (sql) => claimLimitedRuns(sql, newId(), 10, 20))).toBeLessThan(20_000)
    await world.sql('delete from run_queue')
  })
})
