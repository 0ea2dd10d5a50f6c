import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createLog } from '../../src/kernel/log.ts'
import type { Bus } from '../../src/live/bus.ts'
import { CHANNEL, notifySql, TOPICS, type Topic } from '../../src/live/events.ts'
import { openPostgresBus } from '../../src/live/postgres-bus.ts'
import { createTestConnection } from '../support/database.ts'

const log = createLog('silent')
let connection: pg.ClientConfig
let client: pg.Client
let bus: Bus
const heard: Topic[] = []

beforeAll(async () => {
  connection = await createTestConnection()
  client = new pg.Client(connection)
  await client.connect()
  bus = await openPostgresBus({ ...connection, application_name: 'listener' }, log)
  for (const topic of TOPICS) bus.subscribe(topic, () => heard.push(topic))
})
beforeEach(() => {
  heard.length = 0
})
afterAll(async () => {
  await bus.close()
  await client.end()
})

const tell = (...topics: Topic[]) => client.query(`select ${notifySql(...topics)}`)
const listeners = async () =>
  (
    await client.query(
      "select pid from pg_stat_activity where application_name = 'listener' and datname = current_database()",
    )
  ).rows
const cut = () =>
  client.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'listener' and datname = current_database()",
  )

describe('the bus over NOTIFY', () => {
  it('tells those who listen to a topic, and no others', async () => {
    await tell('jobs')
    await expect.poll(() => heard).toEqual(['jobs'])
    await tell('events', 'queue')
    await expect.poll(() => heard).toEqual(['jobs', 'events', 'queue'])
  })

  it('tells of nothing before the commit, and of nothing that was rolled back', async () => {
    await client.query('begin')
    await tell('jobs')
    await client.query('rollback')
    await client.query('begin')
    await tell('outbox')
    const other = new pg.Client(connection)
    await other.connect()
    await other.query(`select ${notifySql('queue')}`)
    await other.end()
    await expect.poll(() => heard).toEqual(['queue'])
    await client.query('commit')
    await expect.poll(() => heard).toEqual(['queue', 'outbox'])
  })

  it('does not listen to what is no topic', async () => {
    await client.query(`select pg_notify('${CHANNEL}', 'gossip')`)
    await tell('jobs')
    await expect.poll(() => heard).toEqual(['jobs'])
  })

  it('tells nobody who has left', async () => {
    let calls = 0
    const leave = bus.subscribe('jobs', () => calls++)
    await tell('jobs')
    await expect.poll(() => calls).toBe(1)
    leave()
    await tell('jobs')
    await expect.poll(() => heard).toEqual(['jobs', 'jobs'])
    expect(calls).toBe(1)
  })

  it('comes back when its connection is cut, and tells everybody to look, as something may have been missed', async () => {
    for (let round = 0; round < 2; round++) {
      heard.length = 0
      await cut()
      await expect.poll(() => [...heard].sort(), { timeout: 5_000 }).toEqual([...TOPICS].sort())
      expect(await listeners()).toHaveLength(1)
      await tell('queue')
      await expect.poll(() => heard.length).toBe(TOPICS.length + 1)
    }
  })

  it('stays away when it is closed while it comes back', async () => {
    const other = await openPostgresBus({ ...connection, application_name: 'other' }, log)
    const others = "from pg_stat_activity where application_name = 'other'"
    await client.query(`select pg_terminate_backend(pid) ${others}`)
    await expect.poll(async () => (await client.query(`select 1 ${others}`)).rows).toEqual([])
    await other.close()
    await cut()
    await expect.poll(() => [...heard].sort(), { timeout: 5_000 }).toEqual([...TOPICS].sort())
    expect((await client.query(`select 1 ${others}`)).rows).toEqual([])
  })

  it('does not open when there is no server', async () => {
    await expect(openPostgresBus({ ...connection, port: 1 }, log)).rejects.toThrow()
  })
})
