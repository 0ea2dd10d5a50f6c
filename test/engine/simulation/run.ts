/**
 * Many histories at once, for as long as one likes:
 *
 *     node --import tsx test/engine/simulation/run.ts --histories 5000 [--seed X] [--mutant name] [--lanes 2]
 *
 * With a seed and no number, that one history is run and its trace shown.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { openEmbedded } from '../../../src/db/embedded.ts'
import { migrate } from '../../../src/db/migrate.ts'
import { openSimulatedDatabase } from './database.ts'
import { runHistory, type Verdict } from './history.ts'
import { MUTANTS } from './mutants.ts'
import { createLog } from './product.ts'

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '1000' },
    seed: { type: 'string' },
    mutant: { type: 'string' },
    lanes: { type: 'string', default: '2' },
    failures: { type: 'string', default: '3' },
    show: { type: 'boolean', default: false },
    trace: { type: 'string', default: '150' },
  },
})

const mutant = MUTANTS.find(({ name }) => name === values.mutant)
if (values.mutant && !mutant) throw new Error(`one of: ${MUTANTS.map(({ name }) => name).join(', ')}`)

const dataDir = await mkdtemp(path.join(tmpdir(), 'runsheet-simulation-'))
await chmod(dataDir, 0o755)
const postgres = await openEmbedded({ dataDir, log: createLog('warn'), durable: false })
try {
  await migrate(postgres.connection)
  const admin = new pg.Client({ ...postgres.connection, database: 'postgres' })
  await admin.connect()
  const total = Number(values.histories)
  let next = 0
  const verdicts: Verdict[] = []
  const began = performance.now()
  await Promise.all(
    Array.from({ length: Math.min(total, Number(values.lanes)) }, async (_, lane) => {
      const name = `lane_${lane}`
      await admin.query(`select pg_advisory_lock(1)`)
      await admin.query(`create database ${name} template ${postgres.connection.database}`)
      const database = await openSimulatedDatabase({ ...postgres.connection, database: name })
      while (
        next < total &&
        verdicts.filter(({ violations }) => violations.length > 0).length < Number(values.failures)
      ) {
        const index = next++
        const seed = total === 1 && values.seed ? values.seed : `${values.seed ?? 'run'}-${index}`
        const verdict = await runHistory(seed, database, mutant)
        verdicts.push(verdict)
        if (verdict.violations.length === 0 && !values.show) continue
        console.log(verdict.trace().slice(-Number(values.trace)).join('\n'))
        console.log(`seed ${seed}:`, verdict.violations.slice(0, 8))
      }
      await database.close()
    }),
  )
  await admin.end()
  const minutes = (performance.now() - began) / 60_000
  const mean = (of: (verdict: Verdict) => number) =>
    Math.round(verdicts.reduce((sum, each) => sum + of(each), 0) / verdicts.length)
  const failed = verdicts.filter(({ violations }) => violations.length > 0)
  console.log({
    histories: verdicts.length,
    failed: failed.map(
      ({ seed, violations }) => `${seed}: ${[...new Set(violations.map(({ invariant }) => invariant))]}`,
    ),
    cpuMsEach: Math.round(process.cpuUsage().user / 1000 / verdicts.length),
    perMinute: Math.round(verdicts.length / minutes),
    statements: mean(({ statements }) => statements),
    runs: mean(({ runs }) => runs),
    mutations: mean(({ mutations }) => mutations),
    events: mean(({ events }) => events),
  })
} catch (error) {
  console.error(error)
  process.exitCode = 1
} finally {
  await postgres.stop()
  await rm(dataDir, { recursive: true, force: true })
}
