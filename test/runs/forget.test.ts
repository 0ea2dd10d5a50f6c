import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { inTransaction, type Sql } from '../../src/db/sql.ts'
import {
  type Edge,
  FIRST_ID,
  type Forgotten,
  forgetEvents,
  forgetJobs,
  forgetRuns,
  lockEdge,
} from '../../src/runs/forget.ts'
import { createWorld, type World, webhook } from '../engine/world.ts'
import { addOldEvent, addOldRuns, floorOf } from './history.ts'

let world: World
let sql: Sql
let jobId: string
beforeAll(async () => {
  world = await createWorld()
  sql = world.sql
})
beforeEach(async () => {
  await world.rest()
  await sql('delete from domain_event')
  jobId = await world.job()
})
afterAll(() => world.close())

type Forget = (sql: Sql, edge: Edge, after: string) => Promise<Forgotten>

/** As a node does it: in transactions on its own connections, until nothing is left to look at. Answers what each batch came to. */
async function pass(forget: Forget, days = 30): Promise<number[]> {
  const counts: number[] = []
  for (let after: string | null = FIRST_ID; after !== null; ) {
    const from: string = after
    const forgotten: Forgotten = await inTransaction(world.database.enginePool, async (tx) => {
      const edge = await lockEdge(tx, days)
      if (!edge) throw new Error('somebody else is at it')
      return forget(tx, edge, from)
    })
    counts.push(forgotten.count)
    after = forgotten.next
  }
  return counts
}

const idsOf = async (table: string) =>
  (await sql<{ id: string }>(`select id from ${table} order by id`)).map(({ id }) => id)
const countOf = async (table: string, runIds: string[]) =>
  (await sql(`select 1 from ${table} where run_id = any($1::uuid[])`, [runIds])).length

describe('runs', () => {
  it('that ended longer ago than they are kept go with all that they left; later ones stay whole', async () => {
    const old = await addOldRuns(sql, jobId, { count: 3 })
    const young = await addOldRuns(sql, jobId, { count: 2, queued: 29 })
    expect(await pass(forgetRuns)).toEqual([3])
    expect(await idsOf('run')).toEqual(young)
    for (const table of ['run_attempt', 'run_step', 'delivery']) {
      expect([await countOf(table, old), await countOf(table, young)], table).toEqual([0, 2])
    }
    expect([await countOf('run_event', old), await countOf('run_event', young)]).toEqual([0, 4])
  })

  it('go by their end, not by their beginning, in every final state', async () => {
    const late = await addOldRuns(sql, jobId, { queued: 400, finished: 29 })
    for (const status of ['SUCCEEDED', 'FAILED', 'CANCELLED', 'SKIPPED'] as const) {
      await addOldRuns(sql, jobId, { status, queued: 400, finished: 31 })
    }
    await pass(forgetRuns)
    expect(await idsOf('run')).toEqual(late)
  })

  it('that are not final stay, however old', async () => {
    const kept: string[] = []
    for (const status of ['QUEUED', 'RUNNING', 'RETRYING'] as const) {
      for (const finished of [null, 400]) {
        kept.push(...(await addOldRuns(sql, jobId, { status, queued: 400, finished })))
      }
    }
    await pass(forgetRuns)
    expect(await idsOf('run')).toEqual(kept.sort())
    expect(await countOf('run_event', kept)).toBe(12)
  })

  it('raise the floor of the log to the highest position that went, and to nothing when none went', async () => {
    const before = await floorOf(sql)
    await addOldRuns(sql, jobId, { queued: 20 })
    await pass(forgetRuns)
    expect(await floorOf(sql)).toBe(before)
    const old = await addOldRuns(sql, jobId, { count: 2 })
    const [last] = await sql<{ position: number }>(
      'select max(position)::float8 as position from run_event where run_id = any($1::uuid[])',
      [old],
    )
    await pass(forgetRuns)
    expect(await floorOf(sql)).toBe(last?.position)
  })

  it('never lower it, as not all go in the order of their events', async () => {
    await addOldRuns(sql, jobId)
    await sql('update log_floor set position = 1000000')
    await pass(forgetRuns)
    expect(await idsOf('run')).toEqual([])
    expect(await floorOf(sql)).toBe(1_000_000)
    await sql('update log_floor set position = 0')
  })

  it('leave those that do them over again, without saying which they were', async () => {
    const [old] = await addOldRuns(sql, jobId)
    const [again] = await addOldRuns(sql, jobId, { queued: 10 })
    await sql('update run set retry_of_id = $1::uuid where id = $2::uuid', [old, again])
    await pass(forgetRuns)
    expect(await world.run(again ?? '')).toMatchObject({ retryOfId: null })
  })

  it('go in batches; what may not go is looked at once, and does not hold up what lies behind it', async () => {
    const kept = await addOldRuns(sql, jobId, { count: 700, queued: 50, status: 'QUEUED', finished: null })
    await addOldRuns(sql, jobId, { count: 700 })
    expect(await pass(forgetRuns)).toEqual([0, 300, 400])
    expect(await idsOf('run')).toEqual(kept)
    expect(await pass(forgetRuns)).toEqual([0, 0])
  })

  it('that somebody holds are passed over, and nobody is waited for', async () => {
    const [held, free] = await addOldRuns(sql, jobId, { count: 2 })
    await inTransaction(world.pool, async (tx) => {
      await tx('select 1 from run where id = $1::uuid for key share', [held])
      await pass(forgetRuns)
      expect(await idsOf('run')).toEqual([held])
    })
    await pass(forgetRuns)
    expect(await idsOf('run')).toEqual([])
    expect(await countOf('run_event', [free ?? ''])).toBe(0)
  })
})

it('one transaction at a time may forget', async () => {
  await inTransaction(world.pool, async (tx) => {
    expect(await lockEdge(tx, 30)).not.toBeNull()
    expect(await inTransaction(world.pool, (other) => lockEdge(other, 30))).toBeNull()
  })
  expect(await inTransaction(world.pool, (tx) => lockEdge(tx, 30))).not.toBeNull()
})

it('ids of the instant at which history ends lie where it says', async () => {
  const edge = await inTransaction(world.pool, (tx) => lockEdge(tx, 30))
  const milliseconds = Number.parseInt(edge?.firstId.replaceAll('-', '').slice(0, 12) ?? '', 16)
  expect(milliseconds).toBe(edge?.before.getTime())
  const [{ ago } = { ago: 0 }] = await sql<{ ago: number }>(
    'select extract(epoch from clock_timestamp() - $1::timestamptz)::float8 as ago',
    [edge?.before],
  )
  expect(ago / 86_400).toBeCloseTo(30, 2)
})

describe('domain events', () => {
  it('that were dispatched long ago go once no run names them', async () => {
    const owner = world.alice.principalId
    const old = await addOldEvent(sql, owner)
    const kept = [
      await addOldEvent(sql, owner, { dispatched: null }),
      await addOldEvent(sql, owner, { created: 29 }),
      await addOldEvent(sql, owner, { dispatched: 2 }),
    ]
    await addOldRuns(sql, jobId, { eventId: old, queued: 20 })
    await pass(forgetEvents)
    expect(await idsOf('domain_event')).toEqual([old, ...kept].sort())
    await sql('delete from run')
    await pass(forgetEvents)
    expect(await idsOf('domain_event')).toEqual(kept.sort())
  })
})

describe('jobs', () => {
  const deleteJob = (id: string, days: number) =>
    sql(
      `update job set enabled = false, next_run_at = null, deleted_at = clock_timestamp() - make_interval(days => $2)
      where id = $1::uuid`,
      [id, days],
    )
  const rowsOf = async (table: string, id: string) =>
    (await sql(`select 1 from ${table} where job_id = $1::uuid`, [id])).length
  const schedule = { every: { seconds: 3600 } }

  it('that were deleted long ago go with their actions, secrets and schedules once no run of them is left', async () => {
    const [gone, busy, young, living] = await Promise.all([1, 2, 3, 4].map(() => world.job({ schedule })))
    const jobs = [gone, busy, young, living] as [string, string, string, string]
    for (const id of jobs.slice(0, 2)) await deleteJob(id, 31)
    await deleteJob(jobs[2], 29)
    await addOldRuns(sql, jobs[1], { queued: 20 })
    const schedules = (await sql('select 1 from schedule')).length
    await pass(forgetJobs)
    expect(await world.prisma.job.findMany({ where: { id: { in: jobs } }, select: { id: true } })).toHaveLength(3)
    expect([await rowsOf('action', jobs[0]), await rowsOf('signing_secret', jobs[0])]).toEqual([0, 0])
    expect([await rowsOf('action', jobs[1]), await rowsOf('signing_secret', jobs[1])]).toEqual([1, 1])
    expect((await sql('select 1 from schedule')).length).toBe(schedules - 1)
    await sql('delete from run')
    await pass(forgetJobs)
    expect(await world.prisma.job.findMany({ where: { id: { in: jobs } }, select: { id: true } })).toHaveLength(2)
  })

  it('leave the stack that they used, while the one of a stack goes after it', async () => {
    const { stacks, alice } = world
    const stackOf = async () => (await stacks.create(alice, { name: 'x', actions: [webhook('shared')] })).id
    const [kept, deleted] = [await stackOf(), await stackOf()]
    const { id: user } = await world.jobs.create(alice, { stackId: kept })
    const { jobId: own } = await stacks.run(alice, { stackId: deleted })
    await stacks.remove(alice, deleted)
    for (const id of [user, own]) await deleteJob(id, 31)
    const left = async () =>
      (await world.prisma.job.findMany({ where: { id: { in: [user, own] } } })).map(({ id }) => id)
    await pass(forgetJobs)
    expect(await left()).toEqual([own])
    await sql('delete from run')
    await pass(forgetJobs)
    expect(await left()).toEqual([])
    expect(await rowsOf('signing_secret', own)).toBe(0)
    expect(await stacks.actionsOf(alice, [kept, deleted])).toMatchObject([{ stackId: kept, position: 0 }])
    expect(await stacks.jobsOf([kept], {})).toMatchObject([{ edges: [] }])
    expect(await stacks.remove(alice, kept)).toMatchObject({ id: kept })
  })

  it('leave a schedule that another job uses, until the last goes', async () => {
    const [first = '', second = ''] = await Promise.all([1, 2].map(() => world.job({ schedule })))
    await sql('update job set schedule_id = (select schedule_id from job where id = $1::uuid) where id = $2::uuid', [
      first,
      second,
    ])
    const { scheduleId } = await world.prisma.job.findUniqueOrThrow({ where: { id: first } })
    const isThere = async () => (await sql('select 1 from schedule where id = $1::uuid', [scheduleId])).length === 1
    await deleteJob(first, 31)
    await pass(forgetJobs)
    expect(await isThere()).toBe(true)
    expect(await world.prisma.job.findUniqueOrThrow({ where: { id: second } })).toMatchObject({ scheduleId })
    await deleteJob(second, 31)
    await pass(forgetJobs)
    expect(await isThere()).toBe(false)
  })
})

describe('a batch', () => {
  type Plan = { 'Node Type': string; 'Relation Name'?: string; 'Index Cond'?: string; Plans?: Plan[] }

  const flat = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(flat)]

  /** How PostgreSQL goes about it on a connection of the engine. */
  async function planOf(forget: Forget): Promise<Plan[]> {
    let plan: Plan | undefined
    await inTransaction(world.database.enginePool, async (tx) => {
      const edge = await lockEdge(tx, 30)
      if (!edge) throw new Error('somebody else is at it')
      const explain: Sql = async (text, values) => {
        const [row] = await tx<{ 'QUERY PLAN': [{ Plan: Plan }] }>(`explain (format json) ${text}`, values)
        plan = row?.['QUERY PLAN'][0].Plan
        return []
      }
      await forget(explain, edge, FIRST_ID)
    })
    return plan ? flat(plan) : []
  }

  it.each([
    ['runs', forgetRuns],
    ['events', forgetEvents],
  ])(
    'of %s reads tables by ranges of their indexes only, so it is as quick beside a long history',
    async (_what, forget) => {
      // Statistics that say that all is empty are those that mislead most.
      await sql('analyze')
      const nodes = await planOf(forget)
      const reads = nodes.filter((node) => node['Relation Name'] && node['Node Type'] !== 'ModifyTable')
      expect(reads.length).toBeGreaterThan(2)
      for (const node of reads) {
        if (node['Relation Name'] === 'log_floor') continue
        expect(node).toMatchObject({
          'Node Type': expect.stringMatching(/^Index (Only )?Scan$/),
          'Index Cond': expect.any(String),
        })
      }
    },
  )
})
