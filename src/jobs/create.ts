/**
 * New jobs. Most are made by one statement, which those who ask at the same time share, with its commit: what was checked
 * before must still be so then. What that statement does not take is made in a transaction that holds what it looks at.
 */
import type pg from 'pg'
import type { Step } from '../actions/steps.ts'
import { noSuchArtifact } from '../artifacts/rights.ts'
import { isUnreachable } from '../db/errors.ts'
import type { Action, Job, PrismaClient, Schedule, Surface } from '../db/generated/prisma/client.ts'
import { sqlIn, sqlOn } from '../db/sql.ts'
import { mayReadArtifact, mayReadStack, requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { createBatch } from '../kernel/batch.ts'
import { holdSchedule } from '../schedules/use.ts'
import { holdStack } from '../stacks/use.ts'
import { databaseNow, holdArtifact, mayHaveJobsOn, throwTaken } from './change.ts'
import { setDatasets } from './datasets.ts'
import { insertJobs, type NewJob, type OwnSchedule } from './insert.ts'
import {
  type CreateInput,
  createNewJobs,
  type MakeOptions,
  type NewJobDeps,
  type NewJobPlan,
  notAnEditor,
} from './new-job.ts'
import { createReferences, type References, type SharedSchedule } from './references.ts'
import { freeSlug, wantedSlug } from './slug.ts'
import { setTags } from './tags.ts'

/** Jobs that one statement makes, and statements at a time. */
const TOGETHER = { maxSize: 50, maxInFlight: 2 }

/** A job that was made just now, with what nobody has to ask for. `steps`: of its own, as they are stored. */
export type MadeJob = { job: Job; schedule: Schedule | SharedSchedule | OwnSchedule | null; steps: readonly Stored[] }

type Stored = Pick<Action, 'kind' | 'config'>

const stored = (steps: readonly Step[]): Stored[] => JSON.parse(JSON.stringify(steps))

export type JobCreationDeps = NewJobDeps & {
  prisma: PrismaClient
  pool: pg.Pool
  /** By the clock of the database; absent: it is asked. */
  databaseNow?: () => Promise<Date>
}

export function createJobCreation(deps: JobCreationDeps) {
  const { prisma, pool } = deps
  const sql = sqlOn(pool)
  const now = deps.databaseNow ?? (() => databaseNow(sql))
  const refer = createReferences(pool, now)
  const plan = createNewJobs({ ...deps, refer })

  const insert = createBatch<NewJob, Job | null>(
    (jobs) =>
      insertJobs(sql, jobs).catch((error) => {
        if (isUnreachable(error)) throw error
        // One of them is refused, and with it all: each is for itself then, and is told what is wrong.
        return jobs.map(() => null)
      }),
    TOGETHER,
  )

  /** Null: it cannot be made so, or could not. */
  async function together(planned: NewJobPlan): Promise<MadeJob | null> {
    const { ownerId, scheduleId, artifact, said, slug, at, shared } = planned
    const isAlone = typeof said === 'function' || planned.datasets.length > 0 || planned.tags.length > 0
    if (isAlone || (artifact && artifact.ownerId !== ownerId)) return null
    if (scheduleId !== undefined && !shared) return null
    const checked = {
      ...(artifact && { artifactOwnerId: ownerId }),
      ...(shared && { scheduleVersion: shared.version }),
      ...('stack' in said && { stackVersion: said.stack.version }),
    }
    const rows = planned.rowsOf({ at, shared, work: said, slug: slug && wantedSlug(slug), checked })
    const job = await insert(rows)
    return job && { job, schedule: rows.schedule ?? shared, steps: stored(rows.steps) }
  }

  /**
   * Most put jobs on artifacts of their own, so that is tried without a look: the statement that makes the job finds out
   * whether it is so. Null: it is not, or cannot be tried, or something is wrong that a look will tell first.
   */
  async function onOwnArtifact(viewer: Viewer, input: CreateInput, surface: Surface): Promise<MadeJob | null> {
    const { principalId: ownerId } = requireScope(viewer, 'jobs:write')
    const { artifactId, scheduleId, stackId } = input
    if (!artifactId || scheduleId !== undefined || stackId != null) return null
    const artifact = { id: artifactId, ownerId, visibility: 'PRIVATE' }
    if (!mayReadArtifact(viewer, artifact)) return null
    const known = { at: await now(), artifact, schedule: null, stack: null }
    const planned = await plan(viewer, input, surface, { known }).catch(() => null)
    return planned && together(planned)
  }

  const alone = ({ ownerId, scheduleId, artifact, datasets, said, tags, slug, rowsOf }: NewJobPlan): Promise<MadeJob> =>
    prisma.$transaction(async (tx) => {
      const sql = sqlIn(tx)
      if (artifact && !(await holdArtifact(tx, artifact.id))) throw noSuchArtifact()
      if (artifact && !(await mayHaveJobsOn(tx, artifact.id, ownerId))) throw notAnEditor()
      const work = typeof said === 'function' ? { stack: await said(tx) } : said
      const at = await databaseNow(sql)
      const shared = scheduleId === undefined ? null : await holdSchedule(tx, scheduleId)
      const free = slug && (await freeSlug(tx, ownerId, slug))
      const rows = rowsOf({ at, shared, work, slug: free, checked: {} })
      if ('stack' in work) await holdStack(tx, work.stack)
      const [job] = await insertJobs(sql, [rows]).catch(throwTaken)
      if (!job) throw new Error('a job was not made')
      if (tags.length > 0) await setTags(tx, job.id, tags)
      if (datasets.length > 0) await setDatasets(tx, job.id, datasets)
      return { job, schedule: rows.schedule ?? shared, steps: stored(rows.steps) }
    })

  async function make(
    viewer: Viewer,
    input: CreateInput,
    surface: Surface,
    options: MakeOptions = {},
  ): Promise<MadeJob> {
    const made = options.newStack || options.known ? null : await onOwnArtifact(viewer, input, surface)
    if (made) return made
    const planned = await plan(viewer, input, surface, options)
    return (await together(planned)) ?? alone(planned)
  }

  return {
    make,

    create: async (
      viewer: Viewer,
      input: CreateInput,
      surface: Surface = 'GRAPHQL',
      options: MakeOptions = {},
    ): Promise<Job> => (await make(viewer, input, surface, options)).job,

    /**
     * What a job is to refer to, by the integers that its client has for it; absent: it says none. Of what the viewer may not
     * read there is none.
     */
    async numberedReferences(
      viewer: Viewer,
      { schedule, stack }: { schedule?: number | undefined; stack?: number | undefined },
    ): Promise<References> {
      requireScope(viewer, 'jobs:write')
      const key = (number: number | undefined) => (number === undefined ? null : { number })
      const found = await refer({ schedule: key(schedule), stack: key(stack) })
      return { ...found, stack: found.stack && mayReadStack(viewer, found.stack) ? found.stack : null }
    },
  }
}
