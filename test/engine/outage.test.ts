/** A PostgreSQL that is not there yet, goes away and comes back, as whole processes live through it. */
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readPostmaster } from '../../src/db/postmaster.ts'
import { ADMIN_TOKEN } from '../support/app.ts'
import { makeJob } from '../support/people.ts'
import { startReceiver } from '../support/receiver.ts'
import { type OwnPostgres, startPostgres } from './chaos/postgres.ts'
import { startWatcher } from './chaos/watcher.ts'
import { endAll, launch, start } from './launch.ts'

const PATIENCE_MS = 180_000
const WAIT_MS = 60_000
const SECRET_KEY = '0'.repeat(64)
const EVERY_SECOND = { schedule: { every: { seconds: 1 } }, overlap: 'ALLOW' } as const

let postgres: OwnPostgres

beforeAll(async () => {
  postgres = await startPostgres()
}, PATIENCE_MS)
afterAll(async () => {
  await endAll()
  await postgres?.remove()
})

/** Slots of all jobs that neither ran nor were written down, between the first and the last that did. */
async function lostSlots(url: string): Promise<number> {
  const client = new pg.Client(url)
  await client.connect()
  const { rows } = await client.query<{ lost: number }>(
    `with slot as (
      select job_id, scheduled_for + make_interval(secs => n) as at from run
      cross join lateral generate_series(0, coalesce(skipped_count, 1) - 1) n where trigger = 'SCHEDULE'
    ), job as (
      select round(extract(epoch from max(at) - min(at)))::int + 1 - count(*)::int as lost from slot group by job_id
    ) select sum(abs(lost))::int as lost from job`,
  )
  await client.end()
  return rows[0]?.lost ?? Number.NaN
}

describe('a node that starts', () => {
  it(
    'waits for a PostgreSQL that is not there yet, says so now and then, and goes on when it comes',
    async () => {
      await postgres.stop('fast')
      const node = launch({ DATABASE_URL: postgres.url, SECRET_KEY })
      const waiting = () => node.log.filter(({ msg }) => msg === 'waiting for PostgreSQL')
      await expect.poll(() => waiting().length, { timeout: WAIT_MS }).toBeGreaterThan(1)
      expect(waiting()[0]?.error).toMatch(/ECONNREFUSED/)
      await postgres.start()
      const url = await node.url
      expect((await fetch(`${url}/health/ready`)).status).toBe(200)
      node.child.kill('SIGTERM')
      expect(await node.ended).toBe(0)
    },
    PATIENCE_MS,
  )

  it(
    'waits no longer than it is told to, ends with 1 and says why; and ends at once when it is told to stop',
    async () => {
      const nowhere = { DATABASE_URL: 'postgresql://nobody:secret@127.0.0.1:1/none', SECRET_KEY }
      const patient = launch(nowhere)
      const hasty = launch({ ...nowhere, DATABASE_WAIT_SECONDS: '1' })
      expect(await hasty.ended).toBe(1)
      const message = hasty.log.at(-1)?.err?.message
      expect(message).toMatch(/^PostgreSQL could not be reached within 1 s \(DATABASE_WAIT_SECONDS\): .*ECONNREFUSED/)
      expect(JSON.stringify(hasty.log)).not.toContain('secret')
      await expect.poll(patient.messages, { timeout: WAIT_MS }).toContain('waiting for PostgreSQL')
      patient.child.kill('SIGTERM')
      expect(await patient.ended).toBe(0)
    },
    PATIENCE_MS,
  )

  it.each([
    ['a wrong password', (url: string) => url.replace(/:[^:@]+@/, ':wrong@'), /password authentication failed/],
    ['a database that does not exist', (url: string) => url.replace(/[^/]+$/, 'missing'), /"missing" does not exist/],
  ])(
    'does not wait where that is no use: %s',
    async (_, spoil, reason) => {
      const node = launch({ DATABASE_URL: spoil(postgres.url), SECRET_KEY, DATABASE_WAIT_SECONDS: '3600' })
      expect(await node.ended).toBe(1)
      expect(node.log.at(-1)?.err?.message).toMatch(reason)
    },
    PATIENCE_MS,
  )
})

describe('nodes whose PostgreSQL goes away', () => {
  it.each(['fast', 'crash'] as const)(
    'say so, come back with it, and lose no slot and no event of a stream: %s',
    async (how) => {
      const receiver = await startReceiver()
      const env = { DATABASE_URL: postgres.url, SECRET_KEY }
      const nodes = await Promise.all([start(env), start(env)])
      const [{ api, url }] = nodes
      const watcher = startWatcher(() => url, ADMIN_TOKEN)
      await makeJob(api, ADMIN_TOKEN, { ...EVERY_SECOND, actions: [{ webhook: { url: receiver.url } }] })
      await expect.poll(() => receiver.calls.length, { timeout: WAIT_MS }).toBeGreaterThan(1)

      await postgres.stop(how)
      for (const { readiness } of nodes)
        await expect.poll(readiness, { timeout: WAIT_MS }).toEqual([503, expect.stringMatching(/^database: \S/)])
      await postgres.start()
      const before = receiver.calls.length
      for (const { readiness } of nodes) await expect.poll(readiness, { timeout: WAIT_MS }).toEqual([200])
      await expect.poll(() => receiver.calls.length, { timeout: WAIT_MS }).toBeGreaterThan(before + 2)

      expect(await Promise.all(nodes.map(({ kill }) => kill('SIGTERM')))).toEqual([0, 0])
      expect(await lostSlots(postgres.url)).toBe(0)
      const client = new pg.Client(postgres.url)
      await client.connect()
      const { rows } = await client.query<{ event: string }>(
        `select 'run_' || replace(run_id::text, '-', '') || ' ' || seq as event from run_event order by position`,
      )
      expect(watcher.seen).toEqual(rows.slice(0, watcher.seen.length).map(({ event }) => event))
      expect(watcher.seen.length).toBeGreaterThan(before)
      await client.query('update job set enabled = false, next_run_at = null, deleted_at = clock_timestamp()')
      await client.query('truncate run, run_queue, run_event cascade')
      await client.end()
      watcher.close()
    },
    PATIENCE_MS,
  )
})

describe('a Runsheet with a PostgreSQL of its own', () => {
  it(
    'starts it again on its port when it dies, and says why when that does not work',
    async () => {
      const dataDir = mkdtempSync(path.join(tmpdir(), 'runsheet-outage-'))
      chmodSync(dataDir, 0o755)
      const receiver = await startReceiver()
      const node = await start({ DATA_DIR: dataDir })
      const kept = JSON.parse(readFileSync(path.join(dataDir, 'postgres.json'), 'utf8')) as {
        dir: string
        password: string
      }
      const data = path.join(path.resolve(dataDir, kept.dir), 'data')
      const server = () => readPostmaster(data)
      const first = server()
      await makeJob(node.api, ADMIN_TOKEN, { ...EVERY_SECOND, actions: [{ webhook: { url: receiver.url } }] })
      await expect.poll(() => receiver.calls.length, { timeout: WAIT_MS }).toBeGreaterThan(1)

      process.kill(first?.pid ?? 0, 'SIGKILL')
      await expect.poll(() => server()?.pid, { timeout: WAIT_MS }).not.toBe(first?.pid)
      await expect.poll(node.readiness, { timeout: WAIT_MS }).toEqual([200])
      const second = server()
      expect(second?.port).toBe(first?.port)
      const between = receiver.calls.length
      await expect.poll(() => receiver.calls.length, { timeout: WAIT_MS }).toBeGreaterThan(between + 2)

      const [there, hidden] = [path.join(data, 'global'), path.join(data, 'hidden')]
      renameSync(there, hidden)
      process.kill(second?.pid ?? 0, 'SIGKILL')
      await expect
        .poll(node.readiness, { timeout: WAIT_MS })
        .toEqual([503, expect.stringMatching(/PostgreSQL does not start: .*global/)])
      renameSync(hidden, there)
      await expect.poll(node.readiness, { timeout: WAIT_MS }).toEqual([200])
      const after = receiver.calls.length
      await expect.poll(() => receiver.calls.length, { timeout: WAIT_MS }).toBeGreaterThan(after + 2)

      const port = server()?.port
      expect(port).toBe(first?.port)
      expect(await lostSlots(`postgresql://runsheet:${kept.password}@127.0.0.1:${port}/runsheet`)).toBe(0)
      expect(await node.kill('SIGTERM')).toBe(0)
      expect(server()).toBeNull()
      rmSync(path.dirname(data), { recursive: true, force: true })
      rmSync(dataDir, { recursive: true, force: true })
    },
    PATIENCE_MS,
  )
})
