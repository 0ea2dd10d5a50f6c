/** A database with a user, datasets of theirs, and what actions may do with them. */
import { afterAll, beforeAll } from 'vitest'
import type { DatasetPort, EffectKey, Row, Subject } from '../../src/actions/ports.ts'
import { createDatasetPort } from '../../src/data/action-port.ts'
import { sqlOn } from '../../src/db/sql.ts'
import { newId } from '../../src/kernel/ids.ts'
import { signUp } from '../artifacts/world.ts'
import { createTestDatabase } from '../support/database.ts'

/** Of a dataset, in tests that reach it. */
export const MAX_ROWS = 30_000

export type World = Awaited<ReturnType<typeof createWorld>>

async function createWorld() {
  const database = await createTestDatabase()
  const { prisma, pool } = database
  const sql = sqlOn(pool)
  const datasets: DatasetPort = createDatasetPort({ database, maxRows: MAX_ROWS })
  const { principalId: ownerId } = await signUp(database, 'alice')
  const alice: Subject = { ownerId, artifactId: null }

  return {
    database,
    prisma,
    sql,
    datasets,
    alice,
    async person(handle: string): Promise<Subject> {
      return { ownerId: (await signUp(database, handle)).principalId, artifactId: null }
    },
    async artifact(ownerId: string, more: { deletedAt?: Date } = {}): Promise<string> {
      const id = newId()
      await prisma.artifact.create({ data: { id, ownerId, createdById: ownerId, name: 'Site', slug: id, ...more } })
      return id
    },
    /** A dataset with these rows. */
    async dataset(rows: Row[] = [], subject: Subject = alice, name: string = newId()) {
      const dataset = await datasets.ensure(subject, name)
      await datasets.load(dataset, batches(rows), options())
      return dataset
    },
    /** A step of a run that is under way. */
    async effect(position = 0): Promise<EffectKey> {
      const [jobId, runId, now] = [newId(), newId(), new Date()]
      await prisma.job.create({
        data: { id: jobId, surface: 'GRAPHQL', trigger: 'MANUAL', ownerId, createdById: ownerId },
      })
      await prisma.run.create({
        data: {
          ...{ id: runId, jobId, trigger: 'MANUAL', status: 'RUNNING', plan: {}, availableAt: now, queuedAt: now },
          step: position,
        },
      })
      return { runId, position }
    },
    /** The run goes on with its next step. */
    advance: ({ runId }: EffectKey) => prisma.run.update({ where: { id: runId }, data: { step: { increment: 1 } } }),
    endRun: ({ runId }: EffectKey) => prisma.run.update({ where: { id: runId }, data: { status: 'CANCELLED' } }),
    async rowsOf({ id }: { id: string }): Promise<Row[]> {
      const rows = await sql<{ data: Row }>('select data from dataset_row where dataset_id = $1::uuid order by id', [
        id,
      ])
      return rows.map(({ data }) => data)
    },
    rowCount: async ({ id }: { id: string }) => (await prisma.dataset.findUniqueOrThrow({ where: { id } })).rowCount,
    /** Connections that are in the midst of a load or of a copy, and what they wait for. */
    bulkSessions: () =>
      sql<{ pid: number; state: string; wait: string | null }>(
        `select pid, state, wait_event_type as wait from pg_stat_activity
         where datname = current_database() and application_name = 'bulk loads of runsheet' and xact_start is not null`,
      ),
    close: () => database.close(),
  }
}

/** One world for the tests of a file. */
export function useWorld(onMade: (world: World) => void): void {
  let world: World | undefined
  beforeAll(async () => {
    world = await createWorld()
    onMade(world)
  })
  afterAll(() => world?.close())
}

export async function* batches(...parts: Row[][]): AsyncGenerator<Row[]> {
  yield* parts
}

export const numbered = (count: number, more: Row = {}): Row[] =>
  Array.from({ length: count }, (_, index) => ({ n: index + 1, ...more }))

export const options = (
  more: Partial<Parameters<DatasetPort['load']>[2]> = {},
): Parameters<DatasetPort['load']>[2] => ({
  mode: 'APPEND',
  effect: null,
  signal: new AbortController().signal,
  ...more,
})
