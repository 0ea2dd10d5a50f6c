/** Content that nobody needs goes; what somebody is about to use stays, whoever comes first. */
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { inTransaction, type Sql, sqlOn } from '../../src/db/sql.ts'
import type { SignedIn } from '../../src/identity/viewer.ts'
import { collectBlobs, FIRST_BLOB } from '../../src/uploads/collect.ts'
import { createUploadService } from '../../src/uploads/service.ts'
import { forgetExpired } from '../../src/uploads/tidy.ts'
import { createWorld, page, signUp, type World } from '../artifacts/world.ts'
import { digestOf, fileOf } from './operations.ts'

let world: World
let alice: SignedIn
let pool: pg.Pool

beforeAll(async () => {
  world = await createWorld()
  pool = world.database.pool
  alice = await signUp(world.database, 'alice')
})
afterAll(() => world.close())
beforeEach(async () => {
  await world.database.prisma.$executeRaw`delete from pending_upload`
  await collect()
})

const collect = () => inTransaction(pool, (sql) => collectBlobs(sql, FIRST_BLOB))
const content = (text: string) => ({ digest: digestOf(text), content: Buffer.from(text) })
const keep = (text: string, sql: Sql = sqlOn(pool)) => world.storage.put(sql, alice.principalId, [content(text)])
const has = async (text: string) => (await world.storage.read(alice.principalId, digestOf(text))) !== null

/** A transaction that goes on when it is told to. */
async function transaction() {
  const client = await pool.connect()
  await client.query('begin')
  return {
    sql: sqlOn(client),
    async end(how: 'commit' | 'rollback' = 'commit') {
      await client.query(how)
      client.release()
    },
  }
}

/** Until the server says that somebody waits for a lock on a row. */
const somebodyWaits = () =>
  expect
    .poll(async () => {
      const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      return (await pool.query(waiting)).rowCount
    })
    .toBe(1)

describe('a collection', () => {
  it('takes what no version, no mobile page and no prepared upload needs, and nothing else', async () => {
    await keep('loose')
    const uploads = createUploadService({
      ...{ pool, storage: world.storage, publicUrl: 'https://runsheet.example' },
      limits: { fileBytes: 100, versionBytes: 100, files: 10 },
    })
    await keep('prepared')
    await uploads.prepare(alice, { files: [fileOf('a', 'prepared')] })
    await world.artifacts.publish(alice, page('used', 'used', { mobileHtml: 'mobile' }))
    expect(await collect()).toEqual({ count: 1, next: null })
    expect(await Promise.all(['loose', 'prepared', '<p>used</p>', 'mobile'].map(has))).toEqual([
      false,
      true,
      true,
      true,
    ])
    await world.database.prisma.$executeRaw`update pending_upload set expires_at = now()`
    expect(await collect()).toEqual({ count: 1, next: null })
    expect(await has('prepared')).toBe(false)
  })

  it('takes what a deleted version was the last to need, and leaves what others have by the same digest', async () => {
    const { id } = await world.artifacts.publish(alice, page('versions', 'one'))
    await world.artifacts.publish(alice, page('versions', 'two'))
    await world.artifacts.deleteVersion(alice, { artifactId: id, versionNo: 1 })
    const bob = await signUp(world.database, 'bob')
    await world.artifacts.publish(bob, page('of-bob', 'one'))
    expect(await collect()).toEqual({ count: 1, next: null })
    expect([await has('<p>one</p>'), await has('<p>two</p>')]).toEqual([false, true])
    expect(await world.storage.read(bob.principalId, digestOf('<p>one</p>'))).not.toBeNull()
  })

  it('goes on behind the batch before', async () => {
    const many = Array.from({ length: 501 }, (_, index) => content(`many ${index}`))
    await world.storage.put(sqlOn(pool), alice.principalId, many)
    let [gone, after] = [0, FIRST_BLOB as typeof FIRST_BLOB | null]
    while (after) {
      const from: typeof FIRST_BLOB = after
      const { count, next } = await inTransaction(pool, (sql) => collectBlobs(sql, from))
      gone += count
      after = next
    }
    expect(gone).toBe(501)
  })
})

describe('content that was there already', () => {
  it('stays for a publish that found it before the collection came', async () => {
    await keep('found')
    const publish = await transaction()
    await keep('found', publish.sql)
    expect(await collect()).toEqual({ count: 0, next: null })
    await publish.end()
    expect(await has('found')).toBe(true)
  })

  it('stays for one that claimed it by its digest', async () => {
    await keep('claimed')
    const publish = await transaction()
    const store = { ownerId: alice.principalId, uploaderId: alice.principalId }
    expect((await world.storage.claim(publish.sql, store, [digestOf('claimed')])).size).toBe(1)
    expect(await collect()).toEqual({ count: 0, next: null })
    await publish.end('rollback')
    expect(await collect()).toEqual({ count: 1, next: null })
  })

  it('is kept anew by a publish that finds it being collected', async () => {
    await keep('going')
    const collection = await transaction()
    expect(await collectBlobs(collection.sql, FIRST_BLOB)).toEqual({ count: 1, next: null })
    const publish = inTransaction(pool, (sql) => keep('going', sql))
    await somebodyWaits()
    await collection.end()
    await publish
    expect(await has('going')).toBe(true)
  })

  it('is there after any number of publishes and collections at once', async () => {
    const texts = Array.from({ length: 8 }, (_, index) => `storm ${index}`)
    const publishes = texts.flatMap((text) => [1, 2, 3].map(() => world.artifacts.publish(alice, page('storm', text))))
    const collections = Array.from({ length: 12 }, collect)
    await Promise.all([...publishes, ...collections])
    await collect()
    for (const text of texts) expect(await has(`<p>${text}</p>`), text).toBe(true)
  })
})

it('what was prepared, and answers to requests, are forgotten a day later', async () => {
  const { prisma } = world.database
  const hour = 3_600_000
  const now = Date.now()
  const record = (key: string, age: number, lease = now - 1000) => ({
    ...{ principalId: alice.principalId, route: 'POST /x', key, requestHash: Buffer.from('x') },
    ...{ leaseUntil: new Date(lease), createdAt: new Date(now - age) },
  })
  await prisma.idempotencyRecord.createMany({
    data: [record('old', 25 * hour), record('new', 23 * hour), record('at work', 25 * hour, now + hour)],
  })
  const pending = (digest: string, expires: number) => ({
    ...{ ownerId: alice.principalId, digest, expiresAt: new Date(now + expires) },
  })
  await prisma.pendingUpload.createMany({ data: [pending('over', -1000), pending('good', hour)] })
  expect(await inTransaction(pool, forgetExpired)).toBe(false)
  expect((await prisma.idempotencyRecord.findMany()).map(({ key }) => key).sort()).toEqual(['at work', 'new'])
  expect((await prisma.pendingUpload.findMany()).map(({ digest }) => digest)).toEqual(['good'])
})
