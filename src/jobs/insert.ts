/**
 * New jobs with their schedules, steps and signing secrets, by one statement that also tells all nodes of them. What a job
 * was checked against may be said along: if that is not so any more, the job is not made, and nothing of it is.
 */
import type { Step } from '../actions/steps.ts'
import { columnOf, columnsOf } from '../db/columns.ts'
import { type Job, Prisma } from '../db/generated/prisma/client.ts'
import type { Sql } from '../db/sql.ts'
import { notifyOfSql } from '../live/events.ts'
import type { StoredSchedule } from '../schedules/stored.ts'

/** The columns that a new job has of its own; PostgreSQL fills the others in. */
const COLUMNS = {
  ...{ id: 'uuid', surface: 'surface', name: 'text', slug: 'text', description: 'text', notes: 'text', type: 'text' },
  ...{ data: 'jsonb', timezone: 'text', source: 'text', sourceId: 'text', ownerId: 'uuid', createdById: 'uuid' },
  ...{ artifactId: 'uuid', scheduleId: 'uuid', stackId: 'uuid', trigger: 'job_trigger', eventType: 'text' },
  ...{ enabled: 'boolean', endOfLife: 'end_of_life', anchor: 'timestamptz', startOn: 'timestamptz' },
  ...{ endOn: 'timestamptz', nextRunAt: 'timestamptz', maxAttempts: 'int', backoff: 'backoff', initialDelay: 'int' },
  ...{ maxDelay: 'int', jitter: 'boolean', retryOn: 'retry_on', retrySlotsOnly: 'boolean', overlap: 'overlap_policy' },
  ...{ catchUp: 'catch_up_policy', catchUpWindow: 'int', dstGap: 'dst_gap_policy', timeoutSeconds: 'int' },
  ...{ spread: 'int', spreadOffsetMs: 'int', priority: 'smallint', concurrencyKey: 'text', concurrencyLimit: 'int' },
} as const satisfies { [Column in keyof Job]?: string }

const SCHEDULE_COLUMNS = {
  ...{ id: 'uuid', ownerId: 'uuid', shared: 'boolean', kind: 'schedule_kind', expression: 'text' },
  ...{ dialect: 'cron_dialect', timezone: 'text', intervalSeconds: 'int', text: 'text', once: 'boolean' },
  at: 'timestamptz',
} as const

export type OwnSchedule = StoredSchedule & { id: string; ownerId: string; shared: boolean; text: string | null }

export type NewJob = {
  job: Pick<Job, keyof typeof COLUMNS>
  /** Of its own; null: it has none, or `job.scheduleId` is that of a shared one. */
  schedule: OwnSchedule | null
  /** Of its own. */
  steps: readonly Step[]
  /** Sealed. */
  secret: Uint8Array
  checked: Checked
}

/** What must still be so: whose the artifact is, and the versions of the schedule and the stack. */
type Checked = { artifactOwnerId?: string; scheduleVersion?: number; stackVersion?: number }

const names = (columns: object) => Object.keys(columns).map(columnOf).join(', ')
const quoted = (columns: object, of: string) => Object.keys(columns).map((field) => `${of}."${field}"`)
const typed = (columns: object) => Object.entries(columns).map(([field, type]) => `"${field}" ${type}`)

/** What only the row tells: PostgreSQL filled it in, or has it in an order of its own. */
const TOLD = Object.values(Prisma.JobScalarFieldEnum).filter(
  (field) => !(field in COLUMNS) || field === 'id' || field === 'data',
)

/**
 * Locks are taken before anything is written: that of a slug, which others look at who need another one, and those of what
 * was checked, in the version that there is by then.
 */
const INSERT = `
with given as (
  select * from jsonb_to_recordset($1::jsonb) as g(${typed(COLUMNS)}, schedule jsonb, steps jsonb, secret text,
    "artifactOwnerId" uuid, "scheduleVersion" int, "stackVersion" int)
), slugs as materialized (
  select count(pg_advisory_xact_lock(hashtext('slug of a job'), key)) as held from (
    select distinct hashtext("ownerId" || slug) as key from given where slug is not null order by 1) keys
), artifacts as materialized (
  select g.id from given g join artifact a
    on a.id = g."artifactId" and a.owner_id = g."artifactOwnerId" and a.deleted_at is null for share of a
), schedules as materialized (
  select g.id from given g join schedule s
    on s.id = g."scheduleId" and s.version = g."scheduleVersion" and s.shared for share of s
), stacks as materialized (
  select g.id from given g join stack s
    on s.id = g."stackId" and s.version = g."stackVersion" for share of s
), good as materialized (
  select g.* from given g cross join slugs
  where ("artifactOwnerId" is null or id in (select id from artifacts))
    and ("scheduleVersion" is null or id in (select id from schedules))
    and ("stackVersion" is null or id in (select id from stacks))
), own_schedules as (
  insert into schedule (${names(SCHEDULE_COLUMNS)})
  select ${quoted(SCHEDULE_COLUMNS, 's')}
  from good cross join lateral jsonb_to_record(good.schedule) as s(${typed(SCHEDULE_COLUMNS)})
  where jsonb_typeof(good.schedule) = 'object'
), made as (
  insert into job (${names(COLUMNS)}) select ${quoted(COLUMNS, 'good')} from good returning *
), own_steps as (
  insert into action (id, job_id, position, kind, name, config)
  select s.id, good.id, s.position, s.kind, s.name, s.config
  from good cross join lateral jsonb_to_recordset(good.steps) as s(
    id uuid, position int, kind text, name text, config jsonb)
), secrets as (
  insert into signing_secret (job_id, current) select id, decode(secret, 'base64') from good
)
select ${columnsOf('made', TOLD)}
from made cross join lateral (select ${notifyOfSql('jobs', 'made.id')}) told`

type Told = Omit<Job, Exclude<keyof typeof COLUMNS, 'id' | 'data'>>

/** In the order of the jobs; null: what it was checked against is not so any more. */
export async function insertJobs(sql: Sql, jobs: readonly NewJob[]): Promise<(Job | null)[]> {
  const rows = jobs.map(({ job, schedule, steps, secret, checked }) => ({
    ...job,
    ...{ schedule, steps, secret: Buffer.from(secret).toString('base64') },
    ...checked,
  }))
  const made = await sql<Told>(INSERT, [JSON.stringify(rows)])
  const byId = new Map(made.map((told) => [told.id, told]))
  return jobs.map(({ job }) => {
    const told = byId.get(job.id)
    return told ? { ...job, ...told } : null
  })
}
