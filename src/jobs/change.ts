/** Changing a job: under its row lock, so that firing, finishing and other edits come before or after, never between. */
import { isDuplicateIn } from '../db/errors.ts'
import type { Job, Prisma, PrismaClient, Schedule, Surface } from '../db/generated/prisma/client.ts'
import { type Sql, sqlIn } from '../db/sql.ts'
import { emit } from '../events/outbox.ts'
import { ConflictError, NotFoundError, ValidationError } from '../kernel/errors.ts'
import { formatId } from '../kernel/ids.ts'
import { requireVersion } from '../kernel/known-version.ts'
import { skippedRange } from '../runs/skip-range.ts'
import { recordRuns } from '../runs/transition/record.ts'
import { skipWaitingRuns } from '../runs/transition/waiting.ts'
import { type Grid, nextSlot, type Recurrence, slotsBetween } from '../schedules/recurrence.ts'
import { recurrenceOf } from '../schedules/stored.ts'
import { startsAnew } from './surface.ts'
import { tellJobs } from './tell.ts'

/** A job as it is under the lock; `now` is the database's clock. */
export type LockedJob = Job & { schedule: Schedule | null; now: Date }

/** Answers what is to be written, or null for nothing. Runs under the job's row lock. */
export type Change = (tx: Prisma.TransactionClient, job: LockedJob) => Promise<Prisma.JobUpdateInput | null>

/**
 * @throws NotFoundError when the job is gone, ConflictError VERSION when it is not the version that the caller knows
 */
export function changeJob(prisma: PrismaClient, jobId: string, change: Change, version?: number | null): Promise<Job> {
  return prisma.$transaction((tx) => changeIn(tx, jobId, change, version))
}

/** The same as a part of a transaction. */
export async function changeIn(tx: Prisma.TransactionClient, jobId: string, change: Change, version?: number | null) {
  await sqlIn(tx)('select 1 from job where id = $1::uuid for no key update', [jobId])
  const job = await tx.job.findFirst({ where: { id: jobId, deletedAt: null }, include: { schedule: true } })
  if (!job) throw new NotFoundError('there is no such job')
  requireVersion('job', job, version)
  const data = await change(tx, { ...job, now: await databaseNow(sqlIn(tx)) })
  if (!data) return job
  const changed = await tx.job
    .update({ where: { id: jobId }, data: { ...data, version: { increment: 1 } } })
    .catch(throwTaken)
  await tellJobs(sqlIn(tx), [jobId])
  return changed
}

/**
 * No slot or event starts it from now on, and slots that wait are skipped; `job.paused` tells. `reason`: for its owner,
 * when nobody did it by hand. `depth`: of the event in its chain.
 */
export const pause =
  (reason: string | null = null, depth = 0): Change =>
  async (tx, job) => {
    if (!job.enabled) return null
    if (job.draftOfId) return { enabled: false }
    await skipUnfired(tx, job, 'PAUSED')
    const { ownerId, artifactId } = job
    const payload = { job: { id: formatId('Job', job.id), name: job.name }, reason }
    await emit(sqlIn(tx), { type: 'job.paused', ownerId, artifactId, payload, depth })
    return { enabled: false, nextRunAt: null, pausedAt: job.now, pauseReason: reason }
  }

/** What waits is skipped, what runs finishes. */
export const remove: Change = async (tx, job) => {
  await skipUnfired(tx, job, 'DELETED')
  return { enabled: false, nextRunAt: null, deletedAt: job.now }
}

/** Pauses the jobs on an artifact that is being deleted: nothing may call out for what is gone. */
export async function pauseJobsOn(tx: Prisma.TransactionClient, artifactId: string): Promise<void> {
  const where = { artifactId, enabled: true, deletedAt: null, draftOfId: null }
  const jobs = await tx.job.findMany({ where, select: { id: true }, orderBy: { id: 'asc' } })
  await pauseAll(tx, jobs, 'its artifact was deleted')
}

const OF_FORMER_EDITORS = `select j.id from job j
  join artifact a on a.id = j.artifact_id join principal p on p.id = j.owner_id
  where a.id = $1::uuid and j.enabled and j.deleted_at is null and j.draft_of_id is null and lower(p.email) = any($2::text[])
    and p.id <> a.owner_id and not p.is_admin order by j.id`

/** Pauses the jobs on an artifact of whoever has one of these addresses, in lower case, and is no editor of it any more. */
export async function pauseJobsOfFormerEditors(
  tx: Prisma.TransactionClient,
  artifactId: string,
  emails: readonly string[],
): Promise<void> {
  const jobs = await sqlIn(tx)<{ id: string }>(OF_FORMER_EDITORS, [artifactId, emails])
  await pauseAll(tx, jobs, 'its owner is no longer an editor of its artifact')
}

async function pauseAll(tx: Prisma.TransactionClient, jobs: readonly { id: string }[], reason: string): Promise<void> {
  for (const { id } of jobs) {
    await changeIn(tx, id, pause(reason)).catch((error) => {
      // Deleted meanwhile: there is nothing left to pause.
      if (!(error instanceof NotFoundError)) throw error
    })
  }
}

/** Whether the artifact is there; if so, it is not deleted before this transaction ends, and its jobs with it. */
export async function holdArtifact(tx: Prisma.TransactionClient, artifactId: string): Promise<boolean> {
  const live = 'select id from artifact where id = $1::uuid and deleted_at is null for share'
  return (await sqlIn(tx)(live, [artifactId])).length > 0
}

const EDITED_BY = `select 1 from artifact a join principal p on p.id = $2::uuid
  where a.id = $1::uuid and (a.owner_id = p.id or p.is_admin or exists (
    select from collaborator c where c.artifact_id = a.id and c.email = lower(p.email) and c.role = 'EDITOR'))`

/** Whether somebody may have jobs on an artifact, which this transaction holds, so that it stays so until it ends. */
export async function mayHaveJobsOn(
  tx: Prisma.TransactionClient,
  artifactId: string,
  ownerId: string,
): Promise<boolean> {
  return (await sqlIn(tx)(EDITED_BY, [artifactId, ownerId])).length > 0
}

/** @throws ConflictError NAME_TAKEN, or SCHEDULE_TAKEN, where jobs of one owner, or of one stack, must differ */
export function throwTaken(error: unknown): never {
  if (isDuplicateIn(error, 'job_name')) throw new ConflictError('another job of the owner is called so', 'NAME_TAKEN')
  if (isDuplicateIn(error, 'job_stack_schedule')) {
    throw new ConflictError('another job of the stack has this schedule', 'SCHEDULE_TAKEN')
  }
  throw error
}

export async function databaseNow(sql: Sql): Promise<Date> {
  const [row] = await sql<{ now: Date }>('select clock_timestamp() as now')
  return row?.now ?? new Date()
}

/**
 * A spread as long as the interval would let a run begin after the next slot.
 * @throws ValidationError
 */
export function requireSpread(spread: number, recurrence: Recurrence | null): void {
  if (recurrence?.kind === 'INTERVAL' && spread >= recurrence.seconds) {
    throw ValidationError.at('spread', `must be shorter than the interval of ${recurrence.seconds} s`)
  }
}

/**
 * The first slot after now; null where none is no error.
 * @throws ValidationError when the window leaves none
 */
export function firstSlot(surface: Surface, recurrence: Recurrence, grid: Grid, now: Date): Date | null {
  const slot = nextSlot(recurrence, grid, now)
  if (!slot && !startsAnew(surface)) throw ValidationError.at('schedule', 'never fires between startOn and endOn')
  return slot
}

/**
 * Writes down what now will not run: slots that are due but were not fired yet and, on pause and delete, runs that
 * wait. So each slot of an enabled job is a run or lies in a range that was skipped for a reason.
 */
export async function skipUnfired(
  tx: Prisma.TransactionClient,
  job: LockedJob,
  skipReason: 'PAUSED' | 'DELETED' | 'MISFIRE',
): Promise<void> {
  const sql = sqlIn(tx)
  if (skipReason !== 'MISFIRE') await skipWaitingRuns(sql, job.id, skipReason)
  const { schedule, nextRunAt, now } = job
  if (!schedule || !nextRunAt || nextRunAt > now) return
  const recurrence = recurrenceOf(schedule)
  const slots = slotsBetween(recurrence, job, new Date(nextRunAt.getTime() - 1), now)
  if (!slots) return
  const { first, newest, count } = slots
  const skip = { jobId: job.id, skipReason, first, until: newest, count }
  const range = await skippedRange(sql, recurrence, job, skip)
  if (range) await recordRuns(sql, [range])
}
