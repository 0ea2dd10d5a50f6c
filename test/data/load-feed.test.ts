import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatasetPort } from '../../src/data/action-port.ts'
import { inTransaction } from '../../src/db/sql.ts'
import { newId } from '../../src/kernel/ids.ts'
import { notifySql } from '../../src/live/events.ts'
import { createWorld, type World } from '../engine/world.ts'
import { deferred } from '../support/receiver.ts'
import { numbered, options } from './port-world.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world.close())

const INSERT = `
with written as (
  insert into run_event (run_id, job_id, seq, kind) values ($1::uuid, $2::uuid, 1, 'STARTED') returning position::float8)
select position from written cross join (select ${notifySql('events')}) told`

test('a load that lasts holds up no event, also behind one that was rolled back', async () => {
  const jobId = await world.job()
  const datasets = createDatasetPort({ database: world.database, maxRows: 100_000 })
  const dataset = await datasets.ensure({ ownerId: world.alice.principalId, artifactId: null }, 'slow')
  const events = world.feed.follow({}, 0)
  const write = (sql = world.sql) => sql<{ position: number }>(INSERT, [newId(), jobId])
  await write()
  await events.next()

  const [asked, going] = [deferred(), deferred()]
  const loading = datasets.load(
    dataset,
    (async function* () {
      yield numbered(5_000)
      asked.resolve()
      await going.promise
    })(),
    options(),
  )
  await asked.promise
  const xids = () =>
    world.sql(
      `select pid from pg_stat_activity where application_name = 'bulk loads of runsheet' and backend_xid is not null
       and datname = current_database()`,
    )
  await expect.poll(async () => (await xids()).length).toBe(1)

  const lost = inTransaction(world.pool, async (sql) => {
    await write(sql)
    throw new Error('on purpose')
  })
  await expect(lost).rejects.toThrow('on purpose')
  const [written] = await write()
  expect((await events.next()).value).toMatchObject({ position: written?.position })
  expect(await xids()).toHaveLength(1)

  going.resolve()
  expect(await loading).toEqual({ rows: 5_000 })
  await events.return?.()
})
