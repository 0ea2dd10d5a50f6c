/** What a client is told whose cursor is older than what is kept, by servers that forget as they do in operation. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { sqlOn } from '../../src/db/sql.ts'
import { type Outcome, STREAMING } from '../graphql/transports.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { makeJob, type Person, publishSite, query, signUp } from '../support/people.ts'
import { addOldRuns } from './history.ts'

let app: TestApp
/** Begins when history is there: a node forgets what is old when it starts. */
let other: TestApp
let alice: Person
let jobId: string
let artifactId: string
let positions: { old: string[]; long: string[]; young: string[] }
let longRun: string

const uuid = (id: string) => id.split('_')[1] ?? ''

beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
  artifactId = (await publishSite(app, 'shop', alice.token)).id
  jobId = (await makeJob(app, alice.token, { artifactId })).id
  const client = new pg.Client(app.databaseUrl)
  await client.connect()
  const add = async (options: Parameters<typeof addOldRuns>[2]) => {
    const ids = await addOldRuns(sqlOn(client), uuid(jobId), options)
    await client.query(
      'update run_event set artifact_id = (select artifact_id from job where id = $1) where run_id = any($2::uuid[])',
      [uuid(jobId), ids],
    )
    const { rows } = await client.query<{ position: string }>(
      'select position from run_event where run_id = any($1::uuid[]) order by position',
      [ids],
    )
    return { ids, positions: rows.map(({ position }) => position) }
  }
  const long = await add({ queued: 50, finished: 10 })
  const [old, young] = [await add({ count: 3 }), await add({ count: 2, queued: 10 })]
  await client.end()
  longRun = `run_${long.ids[0]?.replaceAll('-', '')}`
  positions = { old: old.positions, long: long.positions, young: young.positions }
  other = await createTestApp({ DATABASE_URL: app.databaseUrl, RETENTION_DAYS: '30' })
  await vi.waitFor(async () => expect(await query(app, 'select id from run')).toHaveLength(3), 20_000)
})
afterAll(async () => {
  await other?.stop()
  await app?.stop()
})

const WATCH = `subscription($runId: ID, $jobId: ID, $artifactId: ID, $after: String) {
  events: runEvents(runId: $runId, jobId: $jobId, artifactId: $artifactId, after: $after) { cursor }
}`

describe.each(STREAMING.map((transport) => [transport.name, transport] as const))('over %s', (_name, { stream }) => {
  const watch = (variables: Record<string, unknown>, node = app) =>
    stream(node, { query: WATCH, variables, token: alice.token })

  async function take(events: AsyncGenerator<Outcome>, count: number): Promise<unknown[]> {
    const cursors: unknown[] = []
    while (cursors.length < count) {
      const { value } = await events.next()
      cursors.push((value?.data?.events as { cursor: string } | undefined)?.cursor ?? value)
    }
    await events.return(undefined)
    return cursors
  }

  it('a cursor that is too old is the error CURSOR_EXPIRED, with the oldest that works, and the stream ends', async () => {
    for (const node of [app, other]) {
      for (const filter of [{}, { jobId }, { artifactId }, { jobId, artifactId }]) {
        const events = watch({ ...filter, after: positions.old[0] }, node)
        const { value } = await events.next()
        expect(value?.errors).toMatchObject([
          { message: expect.stringContaining('no longer kept'), extensions: { code: 'CURSOR_EXPIRED' } },
        ])
        expect(value?.errors?.[0]?.extensions.oldestCursor).toBe(positions.old.at(-1))
        expect((await events.next()).done).toBe(true)
      }
    }
  })

  it('the oldest cursor that works, and any later one, has all that comes behind it', async () => {
    const { old, young } = positions
    expect(await take(watch({ jobId, after: old.at(-1) }), 4)).toEqual(young)
    expect(await take(watch({ after: young[1] }), 2)).toEqual(young.slice(2))
  })

  it('from the start of what is kept never expires, and has what is older than that cursor and was kept', async () => {
    const { long, young } = positions
    expect(await take(watch({ jobId, after: '' }), 6)).toEqual([...long, ...young])
  })

  it('the stream of one run that is kept knows no old cursor', async () => {
    const { long } = positions
    expect(await take(watch({ runId: longRun, after: long[0] }), 1)).toEqual(long.slice(1))
  })
})
