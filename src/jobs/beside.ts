/**
 * What is read of the jobs of a list beside their own rows, in the statement that lists them: another statement takes as
 * long as reading the page does.
 */
import { columnOf, fieldsOf, type InstantOf, instantsIn, jsonOf } from '../db/columns.ts'
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

/** For a select of `job j`: columns, tables, and what makes its rows as those of Prisma are. */
export function besideOf({ owner, runs }: Beside, add: (value: unknown) => string) {
  const columns: string[] = []
  const joins: string[] = []
  const ofOwner = owner ? fieldsOf(Prisma.PrincipalScalarFieldEnum, owner, ['id']) : []
  if (owner) {
    // As columns: PostgreSQL makes a value of JSON in more time than it finds the row.
    columns.push(...ofOwner.map((field) => `p.${columnOf(field)} as "owner.${field}"`))
    joins.push('join principal p on p.id = j.owner_id')
  }
  if (runs) {
    const fields = fieldsOf(Prisma.RunScalarFieldEnum, runs.wanted, ['id', 'jobId'])
    const newest = `select * from run where job_id = j.id order by id desc limit ${add(runs.limit)}`
    columns.push(
      `(select coalesce(json_agg(${jsonOf('r', fields)} order by r.id desc), '[]') from (${newest}) r) as runs`,
    )
  }

  function complete(job: ListedJob): void {
    const columns = job as unknown as Record<string, unknown>
    if (owner) job.owner = Object.fromEntries(ofOwner.map((field) => [field, columns[`owner.${field}`]])) as Principal
    if (job.runs) for (const run of job.runs) instantsIn(run, INSTANTS_OF_RUNS)
  }

  return { columns, joins, complete }
}
