/** A database with a user whose jobs can be made, nodes that work on them with actions that are functions of the test, and what must always hold. */
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { createPerform } from '../../src/actions/perform.ts'
import { createActionRegistry } from '../../src/actions/registry.ts'
import { createArtifactPort } from '../../src/artifacts/action-port.ts'
import { createDatasetPort } from '../../src/data/action-port.ts'
import type { RunStatus } from '../../src/db/generated/prisma/enums.ts'
import { PooledClient } from '../../src/db/liveness.ts'
import { inTransaction, sqlOn } from '../../src/db/sql.ts'
import { createEgress } from '../../src/egress/egress.ts'
import { createEngine } from '../../src/engine/engine.ts'
import { openNodeSession } from '../../src/engine/node.ts'
import type { EngineSettings, Perform, StepOutcome } from '../../src/engine/ports.ts'
import { systemAlarm } from '../../src/engine/timer.ts'
import { createEventService } from '../../src/events/service.ts'
import { createJobRights } from '../../src/jobs/rights.ts'
import { createJobRows } from '../../src/jobs/rows.ts'
import { createJobService } from '../../src/jobs/service.ts'
import type { JobChanges } from '../../src/jobs/watch.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { newId } from '../../src/kernel/ids.ts'
import { createLog } from '../../src/kernel/log.ts'
import { createSeal } from '../../src/kernel/seal.ts'
import { createFeed } from '../../src/live/feed.ts'
import { createLogReader } from '../../src/live/log-reader.ts'
import { openPostgresBus } from '../../src/live/postgres-bus.ts'
import { createReportPasses } from '../../src/runs/report-passes.ts'
import { createRunService } from '../../src/runs/service.ts'
import { startNothing } from '../../src/runs/start-here.ts'
import type { StartedRun } from '../../src/runs/transition/start.ts'
import { createScheduleService } from '../../src/schedules/service.ts'
import { createStackService } from '../../src/stacks/service.ts'
import { createTestPorts } from '../actions/ports.ts'
import { createWorld as createArtifactWorld, signUp } from '../artifacts/world.ts'

export type World = Awaited<ReturnType<typeof createWorld>>
export type JobInput = Partial<Parameters<ReturnType<typeof createJobService>['create']>[1]>

/** Begins as all our names do, so that the feed counts its transactions. */
const NODE_NAME = 'runsheet node'

/** Of the nodes, unless a test says otherwise, and of the services. */
export const LOG_LIMITS = { lines: 1_000, bytes: 100_000 }

export const log = createLog(process.env.LOG_LEVEL ?? 'silent')

/** Succeeds at once. */
export const succeed: Perform = async () => ({ ok: true, output: null, deliveries: [] })

export const failure = (more: object = {}) => ({
  ok: false as const,
  failure: { code: 'BAD', message: 'it went wrong', transient: true, ...more },
  deliveries: [],
})

/** Actions that last until the test ends them. */
export function createStage() {
  type Call = { run: StartedRun; position: number; signal: AbortSignal; end(outcome?: StepOutcome): void }
  const calls: Call[] = []
  const perform: Perform = (run, position, signal) =>
    new Promise((resolve) => {
      const end = (outcome: StepOutcome = { ok: true, output: null, deliveries: [] }) => resolve(outcome)
      calls.push({ run, position, signal, end })
    })
  return {
    perform,
    calls,
    /** Waits for the call with this number, from 0. */
    async call(index: number): Promise<Call> {
      await expect.poll(() => calls.length, { timeout: 10_000 }).toBeGreaterThan(index)
      return calls[index] as Call
    },
  }
}

export const webhook = (name: string) => ({ webhook: { url: `https://receiver.example/${name}` } })

export async function createWorld() {
  const { database, artifacts, storage, addresses, sites, close } = await createArtifactWorld()
  const { prisma, pool } = database
  const sql = sqlOn(pool)
  const alice = await signUp(database, 'alice')
  const egress = createEgress({ allowCidrs: [], httpsOnly: false })
  const artifactPort = createArtifactPort({ pool, storage, addresses, sites })
  const datasets = createDatasetPort({ database, maxRows: 1_000 })
  const ports = { ...createTestPorts(), datasets, artifacts: artifactPort }
  const actions = createActionRegistry({ ...ports, egress, version: '0', clock: systemClock })
  const seal = createSeal('0'.repeat(64))
  const schedules = createScheduleService({ prisma, defaultTimezone: 'UTC' })
  const rights = createJobRights({ prisma, readJobs: createJobRows(pool) })
  const changes = {} as JobChanges
  const jobs = createJobService({ prisma, pool, schedules, actions, datasets, seal, rights, changes })
  const events = createEventService({ prisma, artifacts })
  const bus = await openPostgresBus(database.connection, log)
  const reader = createLogReader(sql)
  const feed = createFeed({ reader, bus, clock: systemClock, log })
  const reportPasses = createReportPasses({ key: Buffer.alloc(32), publicUrl: 'http://localhost' })
  const runs = createRunService({
    ...{ prisma, pool, artifacts, jobs, rights, reader, feed, reportPasses, startHere: startNothing },
    settings: { cancelGraceSeconds: 10, leaseSeconds: 10, logLimits: LOG_LIMITS },
  })
  const stacks = createStackService({ prisma, pool, jobs, runs, actions, seal, publicUrl: 'http://localhost' })
  const nodes = new Set<{ stop(): Promise<void> }>()

  return {
    database,
    prisma,
    pool,
    sql,
    ports: { sql, transaction: <Result>(work: (tx: typeof sql) => Promise<Result>) => inTransaction(pool, work) },
    alice,
    artifacts,
    artifactPort,
    jobs,
    events,
    runs,
    stacks,
    bus,
    reader,
    feed,
    /** Does actions as the product does. */
    perform: createPerform({
      registry: actions,
      seal,
      artifactUrl: addresses.artifactUrl,
      documents: async () => ({}),
      reportUrl: reportPasses.urlFor,
    }),

    /** A job with one action, unless the input says otherwise. */
    async job(input: JobInput = {}): Promise<string> {
      return (await jobs.create(alice, { actions: [webhook('only')], ...input })).id
    },
    /** Queues a run by hand, as a user does. */
    start: async (jobId: string) => (await runs.start(alice, { jobId })).id,
    emit: async (type: string) => (await events.emit(alice, { type })).id,
    run: (id: string) => prisma.run.findUniqueOrThrow({ where: { id } }),
    /** Runs of a job, in the order in which they were made. */
    runsOf: (jobId: string) => prisma.run.findMany({ where: { jobId }, orderBy: { id: 'asc' } }),
    async statuses(jobId: string): Promise<RunStatus[]> {
      return (await prisma.run.findMany({ where: { jobId }, orderBy: { id: 'asc' } })).map(({ status }) => status)
    },
    attempts: (runId: string) => prisma.runAttempt.findMany({ where: { runId }, orderBy: { attempt: 'asc' } }),
    steps: (runId: string) => prisma.runStep.findMany({ where: { runId }, orderBy: { position: 'asc' } }),
    entry: (runId: string) => prisma.runQueue.findUnique({ where: { runId } }),
    async kinds(runId: string): Promise<string[]> {
      const rows = await sql<{ kind: string }>('select kind from run_event where run_id = $1::uuid order by seq', [
        runId,
      ])
      return rows.map(({ kind }) => kind)
    },
    /** Slots of a job lie in the past, as after a downtime. */
    async missSlotsSince(jobId: string, secondsAgo: number) {
      await sql(
        `update job set next_run_at = date_trunc('second', clock_timestamp() - make_interval(secs => $2)) where id = $1::uuid`,
        [jobId, secondsAgo],
      )
    },

    /** A node with connections and an identity of its own. `pace`: how many times faster its timers run than time. */
    async node(
      perform: Perform,
      {
        pace = 1,
        clock = { now: systemClock.now, after: (ms, fn) => systemClock.after(ms / pace, fn) },
        onStatement = () => {},
        onAnswer = () => {},
        ...settings
      }: Partial<EngineSettings> & {
        pace?: number
        clock?: Clock
        onStatement?: (text: string) => void
        /** Throws, and the answer is lost. */
        onAnswer?: (text: string, rows: unknown[]) => void
      } = {},
    ) {
      const nodeId = newId()
      const connection = { ...database.connection, application_name: NODE_NAME }
      const options = database.enginePool.options.options ?? ''
      const enginePool = new pg.Pool({ ...connection, Client: PooledClient, max: 6, options })
      enginePool.on('error', () => {})
      const engineSql = sqlOn(enginePool)
      const nodeBus = await openPostgresBus(connection, log)
      const session = await openNodeSession({ connection, nodeId, pool: enginePool, log })
      const cut = { on: false }
      const engine = createEngine(
        {
          clock,
          alarm: systemAlarm,
          bus: nodeBus,
          log,
          random: Math.random,
          sql: async <Row>(text: string, values?: unknown[]) => {
            onStatement(text)
            if (cut.on) throw new Error('cut off')
            const rows = await engineSql<Row>(text, values)
            onAnswer(text, rows)
            return rows
          },
          transaction: (work) =>
            inTransaction(enginePool, (sql) =>
              work((text, values) => {
                onStatement(text)
                return sql(text, values)
              }),
            ),
          perform,
          retire: ({ jobId, event }, reason) => jobs.retire(jobId, reason, event ? event.depth + 1 : 0),
        },
        {
          nodeId,
          concurrency: 20,
          leaseSeconds: 10,
          drainSeconds: 5,
          cancelGraceSeconds: 10,
          retentionDays: 0,
          logLimits: LOG_LIMITS,
          ...settings,
        },
      )
      engine.start()
      const node = {
        nodeId,
        engine,
        async stop() {
          nodes.delete(node)
          await engine.stop()
          await session.close()
          await nodeBus.close()
          await enginePool.end()
        },
        /** Leaves it as `kill -9` does: what it holds stays held, and its row stays there without its lock. */
        async abandon() {
          const [row] = await sql<{ text: string }>('select to_json(n)::text as text from node n where id = $1::uuid', [
            nodeId,
          ])
          cut.on = true
          await node.stop()
          await sql('insert into node select * from json_populate_record(null::node, $1::json)', [row?.text])
        },
      }
      nodes.add(node)
      return node
    },
    /** Cuts every connection of the nodes, as a restart or a failover of PostgreSQL does. */
    cutConnections: () =>
      sql(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = $1',
        [NODE_NAME],
      ),
    /** Ends what a test began, so that the next starts with nothing to do. */
    async rest() {
      await Promise.all([...nodes].map((node) => node.stop()))
      await sql('update job set enabled = false, next_run_at = null, deleted_at = clock_timestamp()')
      await sql('delete from run_queue')
      for (const table of ['run', 'run_attempt', 'run_step', 'delivery']) await sql(`delete from ${table}`)
      await sql('delete from run_event')
    },
    async close() {
      await Promise.all([...nodes].map((node) => node.stop()))
      await feed.close()
      await bus.close()
      await egress.close()
      await close()
    },
  }
}

/** What must hold at every moment, whatever has happened. */
export async function expectConsistent({ sql }: World): Promise<void> {
  const broken = await sql(`
    with log as (
      select run_id, count(*) as events, min(seq) as first, max(seq) as last,
        array_agg(seq order by position) = array_agg(seq order by seq) as in_step,
        (array_agg(kind::text order by seq desc))[1] as newest
      from run_event group by run_id
    )
    select r.id, r.status, log.*, q.run_id as entry, q.attempt as entry_attempt, r.attempt from run r
    left join log on log.run_id = r.id left join run_queue q on q.run_id = r.id
    where log.events is distinct from r.event_seq or log.first <> 1 or log.last <> log.events or not log.in_step
      or (r.status in ('SUCCEEDED', 'FAILED', 'SKIPPED', 'CANCELLED')) <> (q.run_id is null)
      or (q.run_id is null and log.newest <> r.status::text)
      or q.attempt <> r.attempt
      or (r.status <> 'RUNNING' and exists (select 1 from run_step s where s.run_id = r.id and s.status = 'RUNNING'))
      or (select count(*) from run_attempt a where a.run_id = r.id) <> r.attempt - (r.status = 'RUNNING')::int
      or exists (select from run_attempt a where a.run_id = r.id and (a.status = 'RUNNING' or a.finished_at is null))`)
  expect(broken).toEqual([])
}

/** One world for the tests of a file: after each what must always hold is checked, and the next begins with nothing to do. */
export function useWorld(onMade: (world: World) => void): void {
  let world: World | undefined
  beforeAll(async () => {
    world = await createWorld()
    onMade(world)
  })
  afterEach(async () => {
    try {
      if (world) await expectConsistent(world)
    } finally {
      await world?.rest()
    }
  })
  afterAll(() => world?.close())
}
