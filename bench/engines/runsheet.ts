/**
 * Runsheet's engine in a process as the others are: its own queue, its own statements, all history, steps and events
 * written; only the action is not a webhook but the function that is measured. `DATABASE_URL`, and `RECEIVER` where jobs are
 * for a server to do.
 */
import type { DriverDeps } from '../../src/actions/driver.ts'
import { createActionRegistry } from '../../src/actions/registry.ts'
import { openDatabase } from '../../src/db/client.ts'
import { openPostgres } from '../../src/db/open.ts'
import { createPatience } from '../../src/db/patience.ts'
import { inTransaction, sqlOn } from '../../src/db/sql.ts'
import { createEgress } from '../../src/egress/egress.ts'
import { createEngine } from '../../src/engine/engine.ts'
import { openNodeSession } from '../../src/engine/node.ts'
import { systemAlarm } from '../../src/engine/timer.ts'
import { createIdentityService } from '../../src/identity/service.ts'
import { createJobRights } from '../../src/jobs/rights.ts'
import { createJobRows } from '../../src/jobs/rows.ts'
import { createJobService } from '../../src/jobs/service.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { newId } from '../../src/kernel/ids.ts'
import { createLog } from '../../src/kernel/log.ts'
import { createSeal } from '../../src/kernel/seal.ts'
import { openPostgresBus } from '../../src/live/postgres-bus.ts'
import { createRunControl } from '../../src/runs/control.ts'
import { enqueueRuns } from '../../src/runs/enqueue.ts'
import { startNothing } from '../../src/runs/start-here.ts'
import { createScheduleService } from '../../src/schedules/service.ts'
import { TOKEN } from '../kit/server.ts'
import { BULK, CONCURRENCY, type Engine, serve } from './program.ts'
import { SECRET_KEY } from './runsheet-key.ts'

/** Producers are spread over them, as they would be: runs of one job are queued under its row lock. */
const JOBS = 10

async function open(): Promise<Engine> {
  const log = createLog('error')
  const settings = { cancelGraceSeconds: 10 }
  const patiently = createPatience({ seconds: 10, log })
  const { connection } = await openPostgres(
    { databaseUrl: process.env.DATABASE_URL, dataDir: 'unused', patiently },
    log,
  )
  const database = openDatabase(connection, log)
  const { prisma, pool, enginePool } = database
  const sql = sqlOn(pool)
  const rights = createJobRights({ prisma, readJobs: createJobRows(pool) })
  let startHere = startNothing
  const control = createRunControl({ prisma, pool, rights, settings, startHere: (work) => startHere(work) })
  const identity = createIdentityService({ prisma, pool })
  await identity.bootstrapAdmin(TOKEN)
  const viewer = await identity.authenticate(TOKEN)
  const egress = createEgress({ allowCidrs: ['127.0.0.0/8'], httpsOnly: false })
  const jobs = createJobService({
    ...{ prisma, pool, rights, seal: createSeal(SECRET_KEY) },
    schedules: createScheduleService({ prisma, defaultTimezone: 'UTC' }),
    actions: createActionRegistry({ ...({} as DriverDeps), egress, version: '0', clock: systemClock }),
    // Of what only other kinds of jobs need there is nothing.
    ...({} as Pick<Parameters<typeof createJobService>[0], 'datasets' | 'changes'>),
  })
  const url = process.env.RECEIVER ?? 'https://receiver.example/'
  const jobIds: string[] = []
  for (let job = 0; job < JOBS; job++) {
    const { id } = await jobs.create(viewer, { actions: [{ webhook: { url } }], overlap: 'ALLOW' })
    jobIds.push(id)
  }
  const jobOf = (number: number) => jobIds[number % JOBS] ?? ''

  return {
    async add(from, count) {
      const jobId = jobOf(Math.floor(from / BULK))
      const run = { jobId, trigger: 'MANUAL' as const, policy: 'ALLOW' as const }
      await inTransaction(pool, async (tx) => {
        await tx('select from job where id = $1::uuid for no key update', [jobId])
        await enqueueRuns(
          tx,
          Array.from({ length: count }, () => ({ id: newId(), ...run })),
          settings,
        )
      })
    },
    addOne: async (job) => void (await control.start(viewer, { jobId: jobOf(job) })),
    async work(handle) {
      const nodeId = newId()
      const bus = await openPostgresBus(database.connection, log)
      await openNodeSession({ connection: database.connection, nodeId, pool, log })
      let job = 0
      const engine = createEngine(
        {
          ...{ clock: systemClock, alarm: systemAlarm, bus, log, random: Math.random },
          sql: sqlOn(enginePool),
          transaction: (work) => inTransaction(enginePool, work),
          retire: async () => {},
          async perform() {
            await handle(job++)
            return { ok: true, output: null, deliveries: [] }
          },
        },
        {
          ...{ nodeId, concurrency: CONCURRENCY, leaseSeconds: 10, drainSeconds: 5, retentionDays: 30, ...settings },
          logLimits: { lines: 1_000, bytes: 100_000 },
        },
      )
      engine.start()
      startHere = engine.startHere
    },
    async isDone() {
      const [queue] = await sql<{ done: boolean }>('select not exists (select from run_queue) as done')
      return queue?.done === true
    },
  }
}

await serve(open)
