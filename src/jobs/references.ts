/**
 * What new jobs refer to, as it is now, by one statement for all that ask at the same time. Whoever asks says who may see
 * it and use it: nothing is checked here.
 */
import type pg from 'pg'
import { jsonOf } from '../db/columns.ts'
import { sqlOn } from '../db/sql.ts'
import { createBatch } from '../kernel/batch.ts'
import type { StoredSchedule } from '../schedules/stored.ts'
import type { StepsOfStack } from '../stacks/use.ts'

/** Questions of one statement, and statements at a time. */
const TOGETHER = { maxSize: 50, maxInFlight: 2 }

/** By its UUID, or by its integer, which is one of PostgreSQL's. */
type Key = { id: string } | { number: number }

/** What is absent is not asked for. */
export type Wanted = { artifactId?: string | null; schedule?: Key | null; stack?: Key | null }

export type SharedSchedule = StoredSchedule & { id: string; version: number; text: string | null }

/** Null: there is none, or it was not asked for. */
export type References = {
  /** By the database's clock. */
  at: Date
  /** Not deleted. */
  artifact: { id: string; ownerId: string; visibility: string } | null
  schedule: SharedSchedule | null
  stack: StepsOfStack | null
}

type Row = Omit<References, 'at' | 'schedule'> & { n: number; at: Date; schedule: InJson<SharedSchedule> | null }
type InJson<Type> = Omit<Type, 'at'> & { at: string | null }

const ARTIFACT = ['id', 'ownerId', 'visibility'] satisfies (keyof NonNullable<References['artifact']>)[]
const SCHEDULE = [
  'id',
  'version',
  'kind',
  'expression',
  'dialect',
  'timezone',
  'intervalSeconds',
  'text',
  'once',
  'at',
] satisfies (keyof SharedSchedule)[]

const READ = `select g.n, clock_timestamp() as at,
  (select ${jsonOf('a', ARTIFACT)} from artifact a where a.id = g."artifactId" and a.deleted_at is null) as artifact,
  (select ${jsonOf('s', SCHEDULE)} from schedule s
    where s.shared and s.id = coalesce(g."scheduleId", (select id from schedule where number = g."scheduleNumber"))
  ) as schedule,
  (select json_build_object('id', k.id, 'ownerId', k.owner_id, 'version', k.version, 'actions', array(
      select json_build_object('kind', kind, 'name', name, 'config', config) from action
      where stack_id = k.id order by position)) from stack k
    where k.id = coalesce(g."stackId", (select id from stack where number = g."stackNumber"))) as stack
from jsonb_to_recordset($1::jsonb) as g(n int, "artifactId" uuid,
  "scheduleId" uuid, "scheduleNumber" int, "stackId" uuid, "stackNumber" int)`

export type Refer = (wanted: Wanted) => Promise<References>

/** `now`: for those that refer to nothing, by the database's clock. */
export function createReferences(pool: pg.Pool, now: () => Promise<Date>): Refer {
  const sql = sqlOn(pool)
  const read = createBatch<Wanted, References>(async (asked) => {
    const rows = await sql<Row>(READ, [JSON.stringify(asked.map(questionOf))])
    const byPlace = new Map(rows.map((row) => [row.n, row]))
    return asked.map((_, n) => referencesOf(byPlace.get(n) as Row))
  }, TOGETHER)
  return async (wanted) =>
    wanted.artifactId || wanted.schedule || wanted.stack ? read(wanted) : { ...NOTHING, at: await now() }
}

const NOTHING = { artifact: null, schedule: null, stack: null }

const questionOf = ({ artifactId, schedule, stack }: Wanted, n: number) => ({
  ...{ n, artifactId },
  ...(schedule && ('id' in schedule ? { scheduleId: schedule.id } : { scheduleNumber: schedule.number })),
  ...(stack && ('id' in stack ? { stackId: stack.id } : { stackNumber: stack.number })),
})

const referencesOf = ({ at, artifact, schedule, stack }: Row): References => ({
  ...{ at, artifact, stack },
  schedule: schedule && { ...schedule, at: schedule.at === null ? null : new Date(schedule.at) },
})
