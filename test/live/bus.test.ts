/** What every bus is held to, whoever carries its messages. */
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { PooledClient } from '../../src/db/liveness.ts'
import { checkTold, TOLD_AS_NOTICES } from '../../src/db/told.ts'
import { createLog } from '../../src/kernel/log.ts'
import type { Bus } from '../../src/live/bus.ts'
import { notifyOfSql, notifySql, TOPICS, type Topic } from '../../src/live/events.ts'
import { openPostgresBus } from '../../src/live/postgres-bus.ts'
import { openRedisBus } from '../../src/live/redis-bus.ts'
import { createTestConnection } from '../support/database.ts'
import { hasRedis, type OwnRedis, startRedis } from '../support/redis.ts'

const log = createLog('silent')
let connection: pg.ClientConfig
/** Beside all buses. */
let admin: pg.Client
let redis: OwnRedis | undefined

beforeAll(async () => {
  connection = await createTestConnection()
  admin = new pg.Client(connection)
  await admin.connect()
  if (hasRedis) redis = await startRedis()
})
afterAll(async () => {
  await admin.end()
  await redis?.remove()
})

/** One node: what it hears, and a connection whose transactions speak. */
type Node = { bus: Bus; client: pg.Client; close(): Promise<void> }

type Carrier = {
  name: string
  isHere: boolean
  open(): Promise<Node>
  /** Everybody hears nothing for a moment. */
  outage(during?: () => Promise<unknown>): Promise<unknown>
}

const nodeOf = async (bus: Bus, client: pg.Client): Promise<Node> => {
  await client.connect()
  return { bus, client, close: async () => void (await Promise.all([bus.close(), client.end()])) }
}

const CARRIERS: Carrier[] = [
  {
    name: 'NOTIFY',
    isHere: true,
    open: async () =>
      nodeOf(await openPostgresBus({ ...connection, application_name: 'listener' }, log), new pg.Client(connection)),
    async outage(during) {
      const { rows } = await admin.query("select pid from pg_stat_activity where application_name = 'listener'")
      for (const { pid } of rows) await admin.query('select pg_terminate_backend($1)', [pid])
      await during?.()
    },
  },
  {
    name: 'Redis',
    isHere: hasRedis,
    async open() {
      const bus = await openRedisBus(redis?.url ?? '', log)
      return nodeOf(bus, new PooledClient({ ...connection, options: TOLD_AS_NOTICES, tell: bus.tell }))
    },
    async outage(during) {
      await redis?.stop()
      await during?.()
      await redis?.start()
    },
  },
]

const PATIENT = { timeout: 10_000 }
const say = (client: pg.Client, ...topics: Topic[]) => client.query(`select ${notifySql(...topics)}`)
const key = (n: number) => `01900000-0000-7000-8000-${String(n).padStart(12, '0')}`
const SAY_MANY = `select ${notifyOfSql('jobs', "'01900000-0000-7000-8000-' || lpad(n::text, 12, '0')")} from generate_series(1, $1) n`

for (const carrier of CARRIERS)
  describe.skipIf(!carrier.isHere)(`the bus over ${carrier.name}`, () => {
    let node: Node
    let other: Node
    const heard: string[] = []
    const heardByOther: string[] = []

    const listen = ({ bus }: Node, to: string[]) => {
      for (const topic of TOPICS) bus.subscribe(topic, (key) => to.push(key === null ? topic : `${topic}:${key}`))
    }

    beforeAll(async () => {
      ;[node, other] = await Promise.all([carrier.open(), carrier.open()])
      listen(node, heard)
      listen(other, heardByOther)
    })
    beforeEach(async () => {
      // What was said before, in the test before this, has come by when this comes.
      await say(node.client, 'artifacts')
      for (const each of [heard, heardByOther]) {
        await expect.poll(() => each.at(-1), PATIENT).toBe('artifacts')
        each.length = 0
      }
    })
    afterAll(() => Promise.all([node?.close(), other?.close()]))

    it('tells all nodes, in order, who listen to a topic', async () => {
      await say(node.client, 'jobs')
      await say(node.client, 'events', 'queue')
      await admin.query('select 1')
      for (const each of [heard, heardByOther]) await expect.poll(() => each).toEqual(['jobs', 'events', 'queue'])
    })

    it('tells of nothing before the commit, and of nothing that was rolled back or failed', async () => {
      await node.client.query('begin')
      await say(node.client, 'jobs')
      await node.client.query('rollback')
      await node.client.query('begin')
      await say(node.client, 'cancel')
      await expect(node.client.query('select 1/0')).rejects.toThrow()
      await node.client.query('commit')
      await expect(
        node.client.query(`select ${notifySql('sites')}, 1/(n-1) from generate_series(1, 1) n`),
      ).rejects.toThrow()
      await node.client.query('begin')
      await say(node.client, 'outbox')
      await say(other.client, 'queue')
      await expect.poll(() => heard).toEqual(['queue'])
      await node.client.query('commit')
      await expect.poll(() => heard).toEqual(['queue', 'outbox'])
    })

    it('says the same once for a transaction, and of what', async () => {
      await node.client.query('begin')
      for (let n = 0; n < 3; n++) await node.client.query(`select ${notifyOfSql('jobs', '$1')}`, [key(7)])
      await node.client.query('commit')
      await say(node.client, 'queue')
      await expect.poll(() => heardByOther).toEqual([`jobs:${key(7)}`, 'queue'])
    })

    it('carries 10,000 messages in a burst, in order', async () => {
      await node.client.query(SAY_MANY, [10_000])
      await say(node.client, 'queue')
      for (const each of [heard, heardByOther]) {
        await expect.poll(() => each.at(-1), PATIENT).toBe('queue')
        expect(each).toEqual([...Array.from({ length: 10_000 }, (_, n) => `jobs:${key(n + 1)}`), 'queue'])
      }
    })

    it('is held up by nobody who takes long over what they hear', async () => {
      let working = 0
      const leave = node.bus.subscribe('jobs', async () => {
        working++
        await new Promise(() => {})
      })
      await node.client.query(SAY_MANY, [100])
      await say(node.client, 'queue')
      await expect.poll(() => heard.at(-1)).toBe('queue')
      expect(working).toBe(100)
      leave()
    })

    it('goes on when one who hears fails, and so do the others', async () => {
      const leave = node.bus.subscribe('jobs', () => {
        throw new Error('a listener of the test')
      })
      let calls = 0
      const leaveToo = node.bus.subscribe('jobs', () => calls++)
      await say(node.client, 'jobs')
      await say(node.client, 'queue')
      await expect.poll(() => heard).toEqual(['jobs', 'queue'])
      expect(calls).toBe(1)
      leave()
      leaveToo()
    })

    it('does not pass on what is no message', async () => {
      await node.client.query("select runsheet_tell('gossip'), runsheet_tell('jobs:gossip')")
      await say(node.client, 'jobs')
      await expect.poll(() => heard).toEqual(['jobs'])
    })

    it('tells nobody who has left', async () => {
      let calls = 0
      const leave = node.bus.subscribe('jobs', () => calls++)
      await say(node.client, 'jobs')
      await expect.poll(() => calls).toBe(1)
      leave()
      await say(node.client, 'jobs')
      await expect.poll(() => heard).toEqual(['jobs', 'jobs'])
      expect(calls).toBe(1)
    })

    it('comes back after every outage, and tells everybody to look, as something may have been missed', async () => {
      for (let round = 0; round < 2; round++) {
        for (const each of [heard, heardByOther]) each.length = 0
        await carrier.outage(() => say(node.client, 'jobs'))
        for (const each of [heard, heardByOther]) {
          await expect.poll(() => TOPICS.filter((topic) => !each.includes(topic)), PATIENT).toEqual([])
        }
        await expect.poll(() => [node, other].map(({ bus }) => bus.isAway())).toEqual([false, false])
        await node.client.query(`select ${notifyOfSql('jobs', '$1')}`, [key(round)])
        for (const each of [heard, heardByOther]) await expect.poll(() => each).toContain(`jobs:${key(round)}`)
      }
    })

    it('stays away when it is closed while it comes back', async () => {
      const third = await carrier.open()
      let calls = 0
      third.bus.subscribe('jobs', () => calls++)
      await carrier.outage(() => third.close())
      await expect.poll(() => TOPICS.filter((topic) => !heard.includes(topic)), PATIENT).toEqual([])
      expect(calls).toBe(0)
    })
  })

it('over NOTIFY does not open when there is no server', async () => {
  await expect(openPostgresBus({ ...connection, port: 1 }, log)).rejects.toThrow()
})

it.each([
  ['what is said does not reach Redis, as over a pooler that drops options', undefined, 1],
  ['it does', TOLD_AS_NOTICES, 0],
])('the start warns only where needed: %s', async (_case, options, warnings) => {
  const lines: unknown[] = []
  const pool = new pg.Pool({ ...connection, ...(options && { options }) })
  await checkTold(pool, { ...log, warn: (...line: unknown[]) => void lines.push(line) } as typeof log)
  await pool.end()
  expect(lines).toHaveLength(warnings)
})

it.skipIf(!hasRedis)('over Redis opens without one, hears itself, and joins the others when it is there', async () => {
  const own = await startRedis()
  await own.stop()
  const buses = await Promise.all([openRedisBus(own.url, log), openRedisBus(own.url, log)])
  const [here, there] = [[] as string[], [] as string[]]
  for (const [n, bus] of buses.entries()) bus.subscribe('queue', () => [here, there][n]?.push('queue'))
  expect(buses.map((bus) => bus.isAway())).toEqual([true, true])
  buses[0]?.tell(['queue'])
  await expect.poll(() => here).toEqual(['queue'])
  expect(there).toEqual([])
  await own.start()
  await expect.poll(() => buses.map((bus) => bus.isAway()), PATIENT).toEqual([false, false])
  await expect.poll(() => there.length, PATIENT).toBeGreaterThan(0)
  await Promise.all(buses.map((bus) => bus.close()))
  await own.remove()
})

describe.skipIf(!hasRedis)('over a Redis of its own', () => {
  async function ownRedis() {
    const own = await startRedis()
    onTestFinished(own.remove)
    return own
  }
  async function open({ url }: OwnRedis) {
    const bus = await openRedisBus(url, log, { silenceMs: 200 })
    onTestFinished(bus.close)
    return bus
  }
  const areAway = (...buses: Bus[]) => buses.map((bus) => bus.isAway())

  it('that is silent though its connections stand, a node sees that it is away, hears itself, and makes up for all later', async () => {
    const own = await ownRedis()
    const [here, there] = await Promise.all([open(own), open(own)])
    const heard: string[] = []
    const heardThere = new Set<string>()
    here.subscribe('jobs', (key) => heard.push(String(key)))
    for (const topic of TOPICS) there.subscribe(topic, () => heardThere.add(topic))
    own.freeze()
    for (let n = 0; n < 5_000; n++) here.tell([`jobs:${key(n)}`])
    await expect.poll(() => heard.length, PATIENT).toBe(5_000)
    await expect.poll(() => areAway(here, there), PATIENT).toEqual([true, true])
    here.tell(['jobs'])
    await expect.poll(() => heard.at(-1)).toBe('null')
    expect(heardThere).toEqual(new Set())
    own.thaw()
    await expect.poll(() => areAway(here, there), PATIENT).toEqual([false, false])
    await expect.poll(() => heardThere, PATIENT).toEqual(new Set(TOPICS))
  })

  it('that is silent, a node closes all the same', async () => {
    const own = await ownRedis()
    const bus = await openRedisBus(own.url, log, { silenceMs: 200 })
    own.freeze()
    bus.tell(['jobs'])
    await expect(bus.close()).resolves.toBeUndefined()
  })

  it('that ends the connections on which nodes speak, the others look at everything later', async () => {
    const own = await ownRedis()
    const [here, there] = await Promise.all([open(own), open(own)])
    const heardThere: string[] = []
    for (const topic of TOPICS) there.subscribe(topic, (key) => heardThere.push(key === null ? topic : key))
    await own.command('CLIENT KILL TYPE normal SKIPME yes')
    here.tell([`jobs:${key(1)}`])
    await expect.poll(() => [...heardThere].sort(), PATIENT).toEqual([...TOPICS].sort())
    here.tell([`jobs:${key(2)}`])
    await expect.poll(() => heardThere.at(-1)).toBe(key(2))
  })

  it('that wants another password, the log says so, and says no password', async () => {
    const own = await ownRedis()
    await own.command('CONFIG SET requirepass right')
    const lines: string[] = []
    const write = (...line: unknown[]) => void lines.push(JSON.stringify(line))
    const loud = { ...log, warn: write, debug: write, error: write } as typeof log
    const bus = await openRedisBus(own.url.replace('//', '//:wrong-secret@'), loud)
    onTestFinished(bus.close)
    expect(lines.join()).toMatch(/WRONGPASS/)
    expect(lines.join()).not.toContain('wrong-secret')
    expect(bus.isAway()).toBe(true)
  })
})
