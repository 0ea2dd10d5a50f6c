/**
 * `GET /api/jobs` of somebody who owns 100,000 jobs (of 120,000, and 1,000 more are shared with them): with words requests
 * come at 10 a second, whether those before are answered or not, for a minute; without, one after the other.
 * `npm run build && node --import tsx bench/informer-list.ts`
 */
import { readFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { openEmbedded } from '../src/db/embedded.ts'
import { createLog } from '../src/kernel/log.ts'
import { newDataDir, removeDataDir, type Server, send, startServer } from './kit/server.ts'

const JOBS = Number(process.env.JOBS ?? 100_000)
const OTHERS = 20_000
const SHARED = 1_000
const PER_SECOND = 10
const SECONDS = Number(process.env.SECONDS ?? 60)
const GOAL_MS = 50
const ALONE = 30

const WITH_WORDS = {
  'a rare word': 'q=unicorn',
  'a word of 1 %': 'q=region42',
  'a word of 10 %': 'q=daily',
  'a word of all': 'q=report',
  'the first letter of a word of all': 'q=r',
  'the beginning of a word of 10 %': 'q=dai',
  'two words, 1 %': 'q=daily+sales',
  'a word of none': 'q=nothing',
}
const WITHOUT = {
  'no word': '',
  'the last page': `start=${JOBS - 100}`,
  'a word of all, the last page': `q=report&start=${JOBS - 100}`,
  ...Object.fromEntries(
    ['-name', 'type', 'enabled', 'ownerId', 'nextRunAt', '-createdAt', '-updatedAt'].map((sort) => [
      `sort=${sort}`,
      `sort=${sort}`,
    ]),
  ),
}

const SIGN_UP = `mutation ($handle: String!) {
  createUser(input: { handle: $handle }) { ... on CreatedUser { token } ... on Error { message } }
}`

/** Names of four words and descriptions of about twenty. */
const SEED = `
with made as (
  insert into schedule (id, owner_id, kind, interval_seconds)
  select gen_random_uuid(), p.id, 'INTERVAL', 86400 from principal p, generate_series(1, $2::int)
  where p.handle = $1 returning id, owner_id
), numbered as (select *, row_number() over () as n from made)
insert into job (id, surface, name, slug, description, type, data, owner_id, created_by_id, schedule_id, trigger, enabled,
  next_run_at, created_at, updated_at)
select gen_random_uuid(), 'INFORMER',
  (array['Daily', 'Weekly', 'Monthly', 'Hourly', 'Quarterly', 'Yearly', 'Nightly', 'Extra', 'Main', 'Spare'])[1 + n % 10]
    || ' ' || (array['Sales', 'Orders', 'Stock', 'Churn', 'Traffic', 'Wages', 'Bills', 'Audit', 'Support', 'Ads'])[1 + n / 10 % 10]
    || ' Report ' || n,
  'job-' || n,
  'Sends the figures of region' || n % 100 || ' to the management, and keeps a copy of them for the archive of the group'
    || case when n % 50000 = 7 then ' and a unicorn' else '' end,
  (array['email', 'api-call', 'dataset-refresh'])[1 + n % 3], '{"to": "somebody@example.com", "subject": "the figures"}',
  owner_id, owner_id, id, 'SCHEDULE', n % 4 > 0,
  case when n % 4 > 0 then now() + interval '1 day' + random() * interval '30 days' end,
  now() - n * interval '1 minute', now() - random() * interval '300 days'
from numbered`

const SHARE = `insert into share (job_id, principal_id, level)
  select j.id, (select id from principal where handle = 'owner'), 1 from job j join principal p on p.id = j.owner_id
  where p.handle = 'other' limit $1`

const quantile = (sorted: number[], q: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
const ms = (value: number) => value.toFixed(1)

type Row = { name: string; times: number[]; total: number }

/** Each by itself, one after the other. */
async function measureAlone(ask: (search: string) => Promise<number>, kinds: Record<string, string>): Promise<void> {
  const rows: Row[] = []
  for (const [name, search] of Object.entries(kinds)) {
    const row: Row = { name, times: [], total: await ask(search) }
    for (let n = 0; n < ALONE; n++) {
      const started = performance.now()
      await ask(search)
      row.times.push(performance.now() - started)
    }
    rows.push(row)
  }
  print(rows)
}

function print(rows: readonly Row[]): void {
  console.log(`\n| load ${loadavg()[0]?.toFixed(1)} | total | requests | p50 | p99 | max |\n|---|---|---|---|---|---|`)
  for (const { name, total, times } of rows) {
    const sorted = times.toSorted((a, b) => a - b)
    const figures = [0.5, 0.99, 1].map((q) => `${ms(quantile(sorted, q))} ms`)
    console.log(`| ${[name, total, sorted.length, ...figures].join(' | ')} |`)
  }
}

async function measure(ask: (search: string) => Promise<number>, kinds: Record<string, string>): Promise<void> {
  const rows: Row[] = Object.keys(kinds).map((name) => ({ name, times: [], total: 0 }))
  // The first of each is not the one that is measured.
  for (const search of Object.values(kinds)) await ask(search)
  const started = performance.now()
  const pending: Promise<void>[] = []
  for (let n = 0; n < SECONDS * PER_SECOND; n++) {
    const due = started + (n * 1000) / PER_SECOND
    await sleep(Math.max(due - performance.now(), 0))
    const row = rows[n % rows.length] as Row
    pending.push(
      ask(kinds[row.name] ?? '').then((total) => {
        row.times.push(performance.now() - due)
        row.total = total
      }),
    )
  }
  await Promise.all(pending)
  const all = rows.flatMap(({ times }) => times)
  print([...rows, { name: 'all', total: 0, times: all }])
  console.log(`${all.filter((each) => each < GOAL_MS).length} of ${all.length} below ${GOAL_MS} ms`)
}

async function peakOf(pid: number | undefined): Promise<string> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return /VmHWM:\s+(.*)/.exec(status)?.[1] ?? 'unknown'
}

async function measureWhole(url: string, headers: Record<string, string>, pid: number | undefined): Promise<void> {
  const before = await peakOf(pid)
  const started = performance.now()
  const response = await fetch(`${url}/api/jobs-list`, { headers })
  let first = 0
  let bytes = 0
  for await (const part of response.body ?? []) {
    first ||= performance.now() - started
    bytes += part.length
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`\njobs-list: first bytes after ${ms(first)} ms, ${(bytes / 1e6).toFixed(1)} MB in ${seconds} s`)
  console.log(`peak of the server: ${before} before, ${await peakOf(pid)} after`)
}

const dataDir = await newDataDir()
const postgres = await openEmbedded({ dataDir, log: createLog('error') })
const { user, password, host, port, database } = postgres.connection
let server: Server | undefined
try {
  server = await startServer(dataDir, 4711, {
    DATABASE_URL: `postgresql://${user}:${password}@${host}:${port}/${database}`,
    SECRET_KEY: '0'.repeat(64),
  })
  const { url, child } = server
  const people = ['owner', 'other'].map((handle) =>
    send<{ createUser: { token?: string; message?: string } }>(url, SIGN_UP, { handle }),
  )
  const [owner] = await Promise.all(people)
  const headers = { authorization: `Bearer ${owner?.createUser.token}` }
  const seeder = new pg.Client(postgres.connection)
  await seeder.connect()
  await seeder.query(SEED, ['owner', JOBS])
  await seeder.query(SEED, ['other', OTHERS])
  await seeder.query(SHARE, [SHARED])
  await seeder.query('vacuum analyze')
  await seeder.end()
  const ask = async (search: string) => {
    const response = await fetch(`${url}/api/jobs?limit=30&${search}`, { headers })
    if (!response.ok) throw new Error(await response.text())
    return ((await response.json()) as { total: number }).total
  }
  await measure(ask, WITH_WORDS)
  await measureAlone(ask, WITHOUT)
  await measureWhole(url, headers, child.pid)
} finally {
  await server?.stop()
  await postgres.stop()
  await removeDataDir(dataDir)
}
