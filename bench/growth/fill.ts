/**
 * A database as it is after months: jobs of many owners, and finished runs of each, in the order in which time would
 * have made them. Set by set; what checks and indexes row by row is off meanwhile, and afterwards is exactly as it was.
 */
import pg from 'pg'
import { hashToken } from '../../src/identity/tokens.ts'

export const OWNER_TOKEN = 'benchmark-owner-token-0'
export const JOBS_OF_AN_OWNER = 1_000
export const RUNS_OF_A_JOB = 5

/** Ids as the product makes them, of things by their number: a time first, and the rest is as good as random. */
const ID = `
create function filled_id(kind text, at timestamptz, n bigint) returns uuid stable language sql as $$
  select overlay(md5(kind || n) placing lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' from 1)::uuid $$`
const TODAY = `timestamptz '${new Date().toISOString().slice(0, 10)}'`

const OWNER = (n: string) => `filled_id('owner', ${TODAY} - interval '90 days', ${n} % ($1::int / ${JOBS_OF_AN_OWNER}))`
const SITE = `filled_id('site', ${TODAY} - interval '90 days', n % ($1::int / ${JOBS_OF_AN_OWNER}))`

/**
 * Of ten jobs of an owner eight have slots, one waits for an event and one for a hand; every fifth is on the owner's site.
 * They were made from 60 days ago to 30 days ago. `k` counts within the owner.
 */
const FILLED_JOBS = `
create unlogged table filled_job as
select n, k, at, filled_id('job', at, n) as id, ${OWNER('n')} as owner_id, case when k % 5 = 0 then ${SITE} end as artifact_id,
  case when k % 10 < 8 then filled_id('schedule', at, n) end as schedule_id
from (
  select n, n / ($1::int / ${JOBS_OF_AN_OWNER}) as k, ${TODAY} - interval '60 days' + n * (interval '30 days' / $1::int) as at
  from generate_series(0, $1::int - 1) n) n`

/** Each job has one in every round over all jobs, so those of a job lie far apart: 7919 is prime to all our sizes. */
const FILLED_RUNS = `
create unlogged table filled_run as
select r.r, filled_id('run', r.at, r.r) as id, j.id as job_id, j.artifact_id, j.schedule_id, r.at from (
  select r, ${TODAY} - interval '25 days' + r * (interval '25 days' / ($1::int * ${RUNS_OF_A_JOB})) as at
  from generate_series(0, $1::bigint * ${RUNS_OF_A_JOB} - 1) r) r
join filled_job j on j.n = (r.r * 7919) % $1::int order by r.r`

const OWNERS = `
with made as (
  insert into principal (id, handle)
  select ${OWNER('n')}, 'owner-' || n from generate_series(0, $1::int / ${JOBS_OF_AN_OWNER} - 1) n
  returning id, handle
), token as (
  insert into api_token (id, principal_id, name, prefix, hash, scopes)
  select gen_random_uuid(), id, 'bench', 'bench', '\\x${Buffer.from(hashToken(OWNER_TOKEN)).toString('hex')}', '{jobs:read,runs:read}'
  from made where handle = 'owner-0'
)
insert into artifact (id, owner_id, created_by_id, name, slug)
select distinct artifact_id, owner_id, owner_id, 'Shop', 'shop-' || owner_id from filled_job where artifact_id is not null`

const SCHEDULES = `
insert into schedule (id, owner_id, kind, interval_seconds)
select schedule_id, owner_id, 'INTERVAL', 86400 from filled_job where schedule_id is not null`

/** No slot is due for a day. */
const JOBS = `
insert into job (id, surface, name, description, owner_id, created_by_id, artifact_id, schedule_id, trigger, event_type,
  next_run_at, last_run_at, last_status, created_at, updated_at)
select id, 'GRAPHQL', 'Report ' || n, 'Sends the figures of region ' || n % 100, owner_id, owner_id, artifact_id, schedule_id,
  (case k % 10 when 8 then 'EVENT' when 9 then 'MANUAL' else 'SCHEDULE' end)::job_trigger,
  case k % 10 when 8 then 'order.number-' || k / 100 end,
  case when k % 10 < 8 then date_trunc('milliseconds', now()) + interval '1 day' + random() * interval '30 days' end,
  now() - interval '1 day', 'SUCCEEDED', at, at
from filled_job`

const ACTIONS = `
insert into action (id, job_id, position, kind, name, config)
select filled_id('action', at, n), id, 0, 'webhook', 'call', '{"url": "https://receiver.example/hook"}' from filled_job`

const SECRETS = `insert into signing_secret (job_id, current) select id, sha256('a') || sha256('b') from filled_job`

const SHARES = `
insert into share (job_id, principal_id, level)
select id, ${OWNER('(n + 1)')}, 1 from filled_job where k % 100 = 1 and $1::int > ${JOBS_OF_AN_OWNER}`

const PLAN = JSON.stringify({
  job: {
    id: '01990000-0000-7000-8000-000000000000',
    name: 'Report 1000',
    ownerId: '01990000-0000-7000-8000-000000000000',
  },
  artifact: null,
  actions: [{ kind: 'webhook', name: 'call', config: { url: 'https://receiver.example/hook' } }],
  datasets: {},
  timeout: 60,
  retry: {
    maxAttempts: 1,
    backoff: 'EXPONENTIAL',
    initialDelay: 10,
    maxDelay: 3600,
    jitter: true,
    retryOn: 'TRANSIENT',
  },
})

const RUNS = `
insert into run (id, job_id, artifact_id, trigger, status, scheduled_for, available_at, attempt, output, plan, event_seq,
  queued_at, started_at, finished_at)
select id, job_id, artifact_id, (case when schedule_id is not null then 'SCHEDULE' else 'MANUAL' end)::run_trigger,
  (case when r % 20 = 0 then 'FAILED' else 'SUCCEEDED' end)::run_status,
  case when schedule_id is not null then at end, at, 1, '{"status": 200}', '${PLAN}', 2, at, at, at + interval '1 second'
from filled_run`

const ATTEMPTS = `
insert into run_attempt (run_id, attempt, status, node_id, started_at, finished_at)
select id, 1, 'SUCCEEDED', '00000000-0000-7000-8000-000000000000', at, at + interval '1 second' from filled_run`

const STEPS = `
insert into run_step (run_id, position, kind, name, status, attempt, output, started_at, finished_at)
select id, 0, 'webhook', 'call', 'SUCCEEDED', 1, '{"status": 200}', at, at + interval '1 second' from filled_run`

/** Two of the five that a run really has. */
const EVENTS = `
insert into run_event (run_id, job_id, artifact_id, seq, kind, at)
select id, job_id, artifact_id, seq, kind::run_event_kind, at + (seq - 1) * interval '1 second'
from filled_run cross join (values (1, 'QUEUED'), (2, 'SUCCEEDED')) as e(seq, kind)`

/** Side by side over two connections, each one transaction. */
const LINES = [
  [OWNERS, SCHEDULES, JOBS, ACTIONS, SECRETS, SHARES, ATTEMPTS],
  [RUNS, EVENTS, STEPS],
]

const INDEXES = `
select i.indexname as name, i.indexdef as definition from pg_indexes i
where i.schemaname = 'public' and not exists (
  select from pg_constraint c where c.conindid = to_regclass('public.' || quote_ident(i.indexname)))
order by 1`

/** For the time of filling only; what is measured afterwards has the server's defaults. */
const SESSION = `set session_replication_role = replica; set synchronous_commit = off; set maintenance_work_mem = '1GB'; set jit = off; set synchronize_seqscans = off`

/** Fills a database that is migrated and empty. @throws Error when an index is not as it was */
export async function fill(connectionString: string, jobs: number): Promise<void> {
  const clients = LINES.map(() => new pg.Client({ connectionString }))
  const run = (client: pg.Client, texts: string[]) => client.query(texts.join(';').replaceAll('$1', String(jobs)))
  const [first] = clients as [pg.Client]
  try {
    await Promise.all(clients.map((client) => client.connect()))
    for (const client of clients) await client.query(SESSION)
    await run(first, [ID, FILLED_JOBS, FILLED_RUNS, 'analyze filled_job, filled_run'])
    const indexes: { name: string; definition: string }[] = (await first.query(INDEXES)).rows
    await first.query(indexes.map(({ name }) => `drop index "${name}"`).join(';'))
    // Whoever keeps the words of jobs does it here too, though the checks of foreign keys are off.
    await first.query('alter table job enable always trigger keep_text_of_new_job')
    await Promise.all(clients.map((client, line) => run(client, LINES[line] ?? [])))
    await first.query('alter table job enable trigger keep_text_of_new_job')
    const missing = [...indexes]
    await Promise.all(
      clients.map(async (client) => {
        for (let next = missing.shift(); next; next = missing.shift()) await client.query(next.definition)
      }),
    )
    const restored = (await first.query(INDEXES)).rows
    if (JSON.stringify(restored) !== JSON.stringify(indexes)) throw new Error('an index is not as it was')
    await first.query('drop table filled_run, filled_job; drop function filled_id')
    await first.query('vacuum analyze')
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
}
