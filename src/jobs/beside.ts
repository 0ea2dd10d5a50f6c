/**
 * What is read of the jobs of a list beside their own rows, in the statement that lists them: another statement takes as
 * long as reading the page does.
 */
import { fieldsOf, type InstantOf, instantsIn, jsonOf } from '../db/columns.ts'
import { type Job, type Principal, Prisma, type Run } from '../db/generated/prisma/client.ts'

/** By fields of the rows; no others are sure to be there. */
export type Beside = {
  owner?: ReadonlySet<string> | undefined
  /** So many of its runs, the newest first. */
  runs?: { limit: number; wanted: ReadonlySet<string> } | undefined
}

/** With what was asked for. */
export type ListedJob = Job & { owner?: Principal; runs?: Run[] }

/** JSON has texts for them. */
const INSTANTS_OF_RUNS: Record<InstantOf<Run>, true> = {
  scheduledFor: true,
  availableAt: true,
  attemptStartedAt: true,
  stepStartedAt: true,
  skippedUntil: true,
  cancelRequestedAt: true,
  queuedAt: true,
  startedAt: true,
  finishedAt: true,
}
const INSTANTS_OF_PRINCIPALS: Record<InstantOf<Principal>, true> = { createdAt: true, updatedAt: true }

/** Columns of a select of `job j`. */
export function columnsBeside({ owner, runs }: Beside, add: (value: unknown) => string): string[] {
  const columns: string[] = []
  if (owner) {
    const fields = fieldsOf(Prisma.PrincipalScalarFieldEnum, owner, ['id'])
    columns.push(`(select ${jsonOf('p', fields)} from principal p where p.id = j.owner_id) as owner`)
  }
  if (runs) {
    const fields = fieldsOf(Prisma.RunScalarFieldEnum, runs.wanted, ['id', 'jobId'])
    const newest = `select * from run where job_id = j.id order by id desc limit ${add(runs.limit)}`
    columns.push(
      `(select coalesce(json_agg(${jsonOf('r', fields)} order by r.id desc), '[]') from (${newest}) r) as runs`,
    )
  }
  return columns
}

/** Rows as that select gives them → as those of Prisma are. */
export function withBeside(jobs: ListedJob[]): ListedJob[] {
  for (const { owner, runs } of jobs) {
    if (owner) instantsIn(owner, INSTANTS_OF_PRINCIPALS)
    if (runs) for (const run of runs) instantsIn(run, INSTANTS_OF_RUNS)
  }
  return jobs
}
