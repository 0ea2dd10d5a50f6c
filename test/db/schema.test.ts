/** The migrations and schema.prisma say the same, and what Prisma cannot say is there too. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { diffMigration } from '../../src/db/migrate.ts'
import { createTestConnection } from '../support/database.ts'

/** By hand in the migrations: partial indexes and that of words, by their names. */
const HAND_WRITTEN = {
  run_slot: `UNIQUE INDEX run_slot ON public.run USING btree (job_id, scheduled_for) WHERE (trigger = 'SCHEDULE'::run_trigger)`,
  run_of_event: `UNIQUE INDEX run_of_event ON public.run USING btree (job_id, domain_event_id) WHERE (trigger = 'EVENT'::run_trigger)`,
  run_domain_event:
    'INDEX run_domain_event ON public.run USING btree (domain_event_id) WHERE (domain_event_id IS NOT NULL)',
  run_retry_of: 'INDEX run_retry_of ON public.run USING btree (retry_of_id) WHERE (retry_of_id IS NOT NULL)',
  run_slot_again: `INDEX run_slot_again ON public.run USING btree (job_id, scheduled_for) WHERE ((trigger <> 'SCHEDULE'::run_trigger) AND (scheduled_for IS NOT NULL))`,
  run_of_artifact:
    'INDEX run_of_artifact ON public.run USING btree (artifact_id, id DESC) WHERE (artifact_id IS NOT NULL)',
  run_event_of_artifact:
    'INDEX run_event_of_artifact ON public.run_event USING btree (artifact_id, "position") WHERE (artifact_id IS NOT NULL)',
  run_queue_free:
    'INDEX run_queue_free ON public.run_queue USING btree (priority, available_at, run_id) WHERE ((lease_owner IS NULL) AND (NOT blocked) AND (limit_group IS NULL))',
  run_queue_limited:
    'INDEX run_queue_limited ON public.run_queue USING btree (limit_group, priority, available_at, run_id) WHERE ((lease_owner IS NULL) AND (NOT blocked) AND (limit_group IS NOT NULL))',
  run_queue_waiting:
    'INDEX run_queue_waiting ON public.run_queue USING btree (job_id, priority, available_at, run_id) WHERE blocked',
  run_queue_cancelled:
    'INDEX run_queue_cancelled ON public.run_queue USING btree (cancel_by) WHERE (cancel_by IS NOT NULL)',
  job_schedule: 'INDEX job_schedule ON public.job USING btree (schedule_id) WHERE (schedule_id IS NOT NULL)',
  job_deleted: 'INDEX job_deleted ON public.job USING btree (deleted_at) WHERE (deleted_at IS NOT NULL)',
  run_queue_leased:
    'INDEX run_queue_leased ON public.run_queue USING btree (lease_owner) WHERE (lease_owner IS NOT NULL)',
  job_due: 'INDEX job_due ON public.job USING btree (next_run_at) WHERE (next_run_at IS NOT NULL)',
  job_listening:
    'INDEX job_listening ON public.job USING btree (event_type, owner_id) WHERE ((event_type IS NOT NULL) AND enabled AND (deleted_at IS NULL))',
  job_listening_on_artifact:
    'INDEX job_listening_on_artifact ON public.job USING btree (event_type, artifact_id) WHERE ((event_type IS NOT NULL) AND (artifact_id IS NOT NULL) AND enabled AND (deleted_at IS NULL))',
  job_listed: 'INDEX job_listed ON public.job USING btree (owner_id, id) WHERE (deleted_at IS NULL)',
  job_of_artifact: 'INDEX job_of_artifact ON public.job USING btree (artifact_id) WHERE (artifact_id IS NOT NULL)',
  domain_event_pending:
    'INDEX domain_event_pending ON public.domain_event USING btree (id) WHERE (dispatched_at IS NULL)',
  artifact_slug_live:
    'UNIQUE INDEX artifact_slug_live ON public.artifact USING btree (slug) WHERE (deleted_at IS NULL)',
  artifact_slug: 'INDEX artifact_slug ON public.artifact USING btree (slug)',
  deployment_of_run:
    'UNIQUE INDEX deployment_of_run ON public.deployment USING btree (run_id, run_position) WHERE (run_id IS NOT NULL)',
  dataset_snapshot_of_run:
    'UNIQUE INDEX dataset_snapshot_of_run ON public.dataset_snapshot USING btree (dataset_id, run_id, run_position) WHERE (run_id IS NOT NULL)',
  dataset_name:
    'UNIQUE INDEX dataset_name ON public.dataset USING btree (artifact_id, name) WHERE (artifact_id IS NOT NULL)',
  dataset_slug: 'UNIQUE INDEX dataset_slug ON public.dataset USING btree (owner_id, slug) WHERE (artifact_id IS NULL)',
  job_slug:
    'UNIQUE INDEX job_slug ON public.job USING btree (owner_id, slug) WHERE ((slug IS NOT NULL) AND (deleted_at IS NULL) AND (draft_of_id IS NULL))',
  job_draft:
    'UNIQUE INDEX job_draft ON public.job USING btree (draft_of_id, owner_id) WHERE ((draft_of_id IS NOT NULL) AND (deleted_at IS NULL))',
  job_ending: `INDEX job_ending ON public.job USING btree (id) WHERE ((end_of_life <> 'KEEP'::end_of_life) AND enabled AND (next_run_at IS NULL) AND (deleted_at IS NULL))`,
  job_name: `UNIQUE INDEX job_name ON public.job USING btree (owner_id, name) WHERE ((surface = 'KRAGLE'::surface) AND (name IS NOT NULL) AND (deleted_at IS NULL) AND (draft_of_id IS NULL))`,
  job_stack_schedule: `UNIQUE INDEX job_stack_schedule ON public.job USING btree (stack_id, schedule_id) WHERE ((surface = 'KRAGLE'::surface) AND (deleted_at IS NULL) AND (draft_of_id IS NULL))`,
  stack_name: `UNIQUE INDEX stack_name ON public.stack USING btree (owner_id, name) WHERE (surface = 'KRAGLE'::surface)`,
  schedule_shared: 'INDEX schedule_shared ON public.schedule USING btree (number) WHERE shared',
  job_stack: 'INDEX job_stack ON public.job USING btree (stack_id) WHERE (stack_id IS NOT NULL)',
  job_text_search: `INDEX job_text_search ON public.job_text USING gin (search) WITH (fastupdate=off)`,
  job_of_stack:
    'UNIQUE INDEX job_of_stack ON public.job USING btree (stack_id) WHERE (hidden AND (deleted_at IS NULL))',
}

/** Relations of schema.prisma that no constraint keeps: it would be asked of for each row that a run leaves. */
const UNKEPT = ['delivery_run_id_fkey', 'run_attempt_run_id_fkey', 'run_step_run_id_fkey']

const QUERIES = {
  columns: `select table_name || '.' || column_name as name, udt_name as type, datetime_precision as precision,
      is_nullable = 'YES' as nullable, column_default as "default"
    from information_schema.columns where table_schema = 'public' and table_name <> '_prisma_migrations' order by 1`,
  enums: `select typname as name, array_agg(enumlabel::text order by enumsortorder) as values
    from pg_enum join pg_type t on t.oid = enumtypid group by 1 order by 1`,
  constraints: `select conname as name, conrelid::regclass::text as table, pg_get_constraintdef(oid) as definition
    from pg_constraint where connamespace = 'public'::regnamespace and contype <> 'n'
      and conrelid <> coalesce(to_regclass('_prisma_migrations'), 0::regclass) order by 1, 2`,
  indexes: `select indexname as name, replace(indexdef, 'CREATE ', '') as definition from pg_indexes
    where schemaname = 'public' and tablename <> '_prisma_migrations' order by 1`,
}

type Name = keyof typeof QUERIES
type Row = { name: string; definition?: string }

let migrated: pg.Client
let fromSchema: pg.Client

beforeAll(async () => {
  const connection = await createTestConnection()
  migrated = new pg.Client(connection)
  await migrated.connect()
  const database = `schema_${randomBytes(8).toString('hex')}`
  const admin = new pg.Client({ ...inject('postgres'), database: 'postgres' })
  await admin.connect()
  await admin.query(`create database ${database}`)
  await admin.end()
  fromSchema = new pg.Client({ ...connection, database })
  await fromSchema.connect()
  const schema = readFileSync(path.join(import.meta.dirname, '../../prisma/schema.prisma'), 'utf8')
  await fromSchema.query(await diffMigration('', schema))
})
afterAll(() => Promise.all([migrated?.end(), fromSchema?.end()]))

const read = async (client: pg.Client, name: Name): Promise<Row[]> => (await client.query(QUERIES[name])).rows

describe('the migrated database', () => {
  it.each(['columns', 'enums', 'constraints'] as const)('has exactly the %s of schema.prisma', async (name) => {
    const expected = (await read(fromSchema, name)).filter(({ name }) => !UNKEPT.includes(name))
    expect(expected.length).toBeGreaterThan(10)
    expect(await read(migrated, name)).toEqual(expected)
  })

  it('has the indexes of schema.prisma, those written by hand, and no other', async () => {
    const expected = await read(fromSchema, 'indexes')
    const byHand = Object.entries(HAND_WRITTEN).map(([name, definition]) => ({ name, definition }))
    const all = [...expected, ...byHand].sort((a, b) => (a.name < b.name ? -1 : 1))
    expect((await read(migrated, 'indexes')).sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual(all)
  })

  it('draws the position of a run event after its transaction has an id', async () => {
    const { rows } = await migrated.query(
      `select attname from pg_attribute where attrelid = 'run_event'::regclass and attname in ('xid', 'position') order by attnum`,
    )
    expect(rows.map(({ attname }) => attname)).toEqual(['xid', 'position'])
  })

  it('vacuums the queue by the number of dead rows, and does not compress files again', async () => {
    const { rows: queue } = await migrated.query(`select reloptions from pg_class where oid = 'run_queue'::regclass`)
    expect(queue[0].reloptions).toContain('autovacuum_vacuum_scale_factor=0')
    const { rows: blob } = await migrated.query(
      `select attstorage from pg_attribute where attrelid = 'blob'::regclass and attname = 'content'`,
    )
    expect(blob[0].attstorage).toBe('e')
  })
})
