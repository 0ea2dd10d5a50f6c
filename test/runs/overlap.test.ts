import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OverlapPolicy } from '../../src/db/generated/prisma/enums.ts'
import { claimRuns } from '../../src/engine/claim.ts'
import { persist } from '../../src/engine/persist.ts'
import { expiredRuns, stuckJobs } from '../../src/engine/queries.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { newId } from '../../src/kernel/ids.ts'
import { type ActiveCount, type Admission, admit, MAX_WAITING } from '../../src/runs/overlap.ts'
import { recordRuns } from '../../src/runs/transition/record.ts'
import { type Outcome, settleRuns } from '../../src/runs/transition/settle.ts'
import { unblockRuns } from '../../src/runs/transition/waiting.ts'
import { createWorld, expectConsistent, type World } from '../engine/world.ts'

const POLICIES = ['SKIP', 'QUEUE_ONE', 'QUEUE_ALL', 'CANCEL_RUNNING', 'ALLOW'] as const
const RUNS = { waits: false }
const WAITS = { waits: true }
const overlaps = { skipReason: 'OVERLAP', skippedCount: 1 }

describe('a new run', () => {
  const decided = (policy: OverlapPolicy, active: number, waiting: number) =>
    admit(policy, { active, waiting, behind: 0 }, 'MANUAL')

  it('goes ahead when no other run of its job is active', () => {
    for (const policy of POLICIES) expect(decided(policy, 0, 0)).toEqual(RUNS)
  })

  it('beside another is skipped, waits or goes ahead, by the policy', () => {
    expect(decided('SKIP', 1, 0)).toEqual(overlaps)
    expect(decided('QUEUE_ONE', 1, 0)).toEqual(WAITS)
    expect(decided('QUEUE_ONE', 2, 1)).toEqual(overlaps)
    expect(decided('QUEUE_ALL', 500, 499)).toEqual(WAITS)
    const { MANUAL: most } = MAX_WAITING
    expect(decided('QUEUE_ALL', most + 1, most)).toEqual({ skipReason: 'QUEUE_FULL', skippedCount: 1 })
    expect(decided('CANCEL_RUNNING', 3, 2)).toEqual(WAITS)
    expect(decided('ALLOW', 5000, 0)).toEqual(RUNS)
  })

  it('does not count those that are made up for among the ones it waits with', () => {
    const { MANUAL, BACKFILL } = MAX_WAITING
    const backfilling = () => ({ active: 5_000, waiting: 4_999, behind: 4_999 })
    expect(admit('QUEUE_ALL', backfilling(), 'MANUAL')).toEqual(WAITS)
    expect(admit('QUEUE_ONE', backfilling(), 'EVENT')).toEqual(WAITS)
    const count = backfilling()
    for (let left = BACKFILL - count.waiting; left > 0; left--) {
      expect(admit('QUEUE_ALL', count, 'BACKFILL')).toEqual(WAITS)
    }
    expect(admit('QUEUE_ALL', count, 'BACKFILL')).toMatchObject({ skipReason: 'QUEUE_FULL' })
    for (let left = MANUAL; left > 0; left--) expect(admit('QUEUE_ALL', count, 'MANUAL')).toEqual(WAITS)
    expect(admit('QUEUE_ALL', count, 'MANUAL')).toMatchObject({ skipReason: 'QUEUE_FULL' })
  })

  it('counts for those that are decided about after it', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...POLICIES), { maxLength: 50 }), (policies) => {
        const count: ActiveCount = { active: 0, waiting: 0, behind: 0 }
        const admitted = policies.map((policy): Admission => admit(policy, count, 'MANUAL'))
        const made = admitted.filter((admission) => 'waits' in admission)
        expect(count.active).toBe(made.length)
        expect(count.waiting).toBe(made.filter(({ waits }) => waits).length)
        if (!policies.includes('ALLOW')) expect(made.length - count.waiting).toBeLessThanOrEqual(1)
      }),
    )
  })
})

describe('runs on a database', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld()
  })
  afterAll(() => world.close())

  it('that wait do not go on beside one that came while the job was held by another', async () => {
    const jobId = await world.job()
    const run = (waits: boolean) => ({ id: newId(), jobId, trigger: 'MANUAL' as const, waits })
    const [waiting, allowed] = [run(true), run(false)]
    await recordRuns(world.sql, [waiting])
    let unblocked = Promise.resolve()
    await world.ports.transaction(async (sql) => {
      await sql('select 1 from job where id = $1::uuid for no key update', [jobId])
      unblocked = unblockRuns(world.ports, [jobId])
      const held = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
      await expect.poll(() => world.sql(held)).toHaveLength(1)
      await recordRuns(sql, [allowed])
    })
    await unblocked
    const { runs } = await claimRuns(world.sql, newId(), 10, 10)
    expect(runs.map(({ runId }) => runId)).toEqual([allowed.id])
    await world.prisma.runQueue.deleteMany()
    await world.prisma.run.deleteMany()
  })

  it('never run beside another of their job, never wait for nothing, and all end', { timeout: 60_000 }, async () => {
    const jobs = await Promise.all(Array.from({ length: 12 }, () => world.job()))
    const random = () => Math.random()
    // A worker and who speaks for it may meet crosswise; the engine tries again when PostgreSQL has solved a deadlock.
    const settle = (owner: Parameters<typeof settleRuns>[1], outcomes: Outcome[]) =>
      persist(() => settleRuns(world.sql, owner, outcomes), systemClock)
    let starting = 4
    let active = true

    async function user() {
      for (let n = 0; n < 50; n++) await world.start(jobs[Math.floor(random() * jobs.length)] ?? '')
      starting--
    }

    async function worker() {
      const leaseOwner = newId()
      while (active) {
        const { runs } = await claimRuns(world.sql, leaseOwner, 10, 6)
        await new Promise((resolve) => setImmediate(resolve))
        // Some are left behind, as by a worker that dies.
        const ended = runs.filter(() => random() < 0.9).map((run) => outcomeOf(run, random()))
        await settle({ leaseOwner }, ended)
        await unblockRuns(world.ports, [...new Set(ended.map(({ jobId }) => jobId))])
      }
    }

    async function undertaker() {
      while (active) {
        // In no particular order, so it may wait for nobody: what somebody else has in hand is passed over.
        await world.sql(`update run_queue set lease_until = 'epoch' where run_id in (
          select run_id from run_queue where lease_owner is not null order by random() limit 6 for update skip locked)`)
        const lost = await expiredRuns(world.sql)
        for (const leaseOwner of new Set(lost.map((run) => run.leaseOwner))) {
          const outcomes = lost.filter((run) => run.leaseOwner === leaseOwner).map(lostBy)
          await settle({ leaseOwner, expiredOnly: true }, outcomes)
        }
        await unblockRuns(world.ports, await stuckJobs(world.sql))
      }
    }

    async function observer() {
      for (;;) {
        const beside = await world.sql(`select job_id from run_queue where not blocked group by 1 having count(*) > 1`)
        expect(beside).toEqual([])
        const [left] = await world.sql<{ count: number }>('select count(*)::int from run_queue')
        if (left?.count === 0 && starting === 0) break
      }
      active = false
    }

    await Promise.all([user(), user(), user(), user(), worker(), worker(), worker(), undertaker(), observer()])
    await expectConsistent(world)
    const ends = await world.sql<{ status: string }>('select status, count(*)::int from run group by 1 order by 1')
    expect(ends.map(({ status }) => status)).toEqual(['SUCCEEDED', 'FAILED'])
  })
})

const lostBy = ({ runId, jobId, attempt }: { runId: string; jobId: string; attempt: number }): Outcome => {
  const error = { code: 'LOST', message: 'gone' }
  return { runId, jobId, attempt, status: 'RETRYING', error, delay: 0, lost: true }
}

function outcomeOf(
  { runId, jobId, attempt }: { runId: string; jobId: string; attempt: number },
  chance: number,
): Outcome {
  const run = { runId, jobId, attempt }
  const error = { code: 'BAD', message: 'it went wrong' }
  if (chance < 0.1) return { ...run, status: 'QUEUED', delay: 0 }
  if (chance < 0.2) return { ...run, status: 'RETRYING', error, delay: 0 }
  if (chance < 0.3) return { ...run, status: 'FAILED', error }
  return { ...run, status: 'SUCCEEDED', output: null }
}
