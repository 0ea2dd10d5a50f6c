/** What addresses stand for is kept in memory, and never longer than it is true, on whatever node. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Site } from '../../src/artifacts/sites.ts'
import { createSiteMemory } from '../../src/hosting/memory.ts'
import { createLocalBus } from '../../src/live/bus.ts'
import { runActions } from '../runs/operations.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { makeJob, query } from '../support/people.ts'
import { deferred } from '../support/receiver.ts'
import { BRING_SITE_BACK, CHANGE_SITE, DELETE_SITE, DELETE_SITE_VERSION, ROLL_SITE_BACK } from './operations.ts'
import { as, createSiteWorld, get, type Init, type SiteWorld, siteOf, text } from './world.ts'

const named = (name: string) => ({ name }) as Site

function createTestMemory(bytes = 1_000_000) {
  const bus = createLocalBus()
  const state = { now: 0, away: false }
  const memory = createSiteMemory({ bytes, bus: { ...bus, isAway: () => state.away }, now: () => state.now })
  const resolve = async (name: string) => {
    const known = await memory.resolve('key', async () => named(name))
    return known && known !== 'PRIVATE' ? known.site.name : known
  }
  return { bus, state, memory, resolve }
}

describe('the memory', () => {
  test('keeps what it was told, and asks again after a change, from this node or another', async () => {
    const { memory, bus, resolve } = createTestMemory()
    expect(await resolve('one')).toBe('one')
    expect(await resolve('two')).toBe('one')
    expect(memory.peek('key')?.site.name).toBe('one')
    memory.changed()
    expect(memory.peek('key')).toBeUndefined()
    expect(await resolve('two')).toBe('two')
    bus.publish('sites')
    expect(await resolve('three')).toBe('three')
    bus.publish('jobs')
    expect(await resolve('four')).toBe('three')
  })

  test('asks once for many who ask at the same time', async () => {
    const { memory } = createTestMemory()
    let asked = 0
    const load = async () => named(String(++asked))
    const answers = await Promise.all(Array.from({ length: 5 }, () => memory.resolve('key', load)))
    expect([asked, new Set(answers).size]).toEqual([1, 1])
  })

  test('does not keep what was read before a change and came after it, nor hands it to who asks after it', async () => {
    const { memory, resolve } = createTestMemory()
    const read = deferred<Site>()
    const slow = memory.resolve('key', () => read.promise)
    memory.changed()
    const after = resolve('new')
    read.resolve(named('old'))
    expect(await slow).toMatchObject({ site: { name: 'old' } })
    expect(await after).toBe('new')
    expect(memory.peek('key')?.site.name).toBe('new')
    expect(await resolve('other')).toBe('new')
  })

  test('trusts what it knows for some seconds, and for one while nobody can be told of changes', async () => {
    const { state, resolve, memory } = createTestMemory()
    await resolve('one')
    state.now = 4_999
    expect(memory.peek('key')?.site.name).toBe('one')
    state.away = true
    expect(memory.peek('key')).toBeUndefined()
    expect(await resolve('two')).toBe('two')
    state.now += 999
    expect(await resolve('three')).toBe('two')
    state.now += 1
    expect(await resolve('three')).toBe('three')
    state.away = false
    state.now += 5_000
    expect(memory.peek('key')).toBeUndefined()
  })

  test('keeps nothing of private sites, of failures, of what is not there, nor without room', async () => {
    const { memory, resolve } = createTestMemory()
    for (const nothing of ['PRIVATE', null] as const) {
      expect(await memory.resolve('key', async () => nothing)).toBe(nothing)
    }
    await expect(memory.resolve('key', () => Promise.reject(new Error('away')))).rejects.toThrow('away')
    expect(await resolve('one')).toBe('one')
    const small = createTestMemory(0)
    await small.resolve('one')
    expect(await small.resolve('two')).toBe('two')
  })
})

describe('a site that changes', () => {
  let world: SiteWorld
  let other: TestApp
  beforeAll(async () => {
    world = await createSiteWorld()
    other = await createTestApp({ DATABASE_URL: world.app.databaseUrl, ROLE: 'api' })
  })
  afterAll(async () => {
    await other?.stop()
    await world?.app.stop()
  })

  const page = (content: string) => [text('index.html', content)]
  const read = async (slug: string, init?: Init) => {
    const { status, text } = await world.get(`${siteOf(slug)}/`, init)
    return status === 200 ? text : status
  }
  const readThere = async (slug: string) => {
    const { status, text } = await get(Number(new URL(other.url).port), `${siteOf(slug)}/`)
    return status === 200 ? text : status
  }

  /** Kept on both nodes, then changed: at once on the one, at once in human terms on the other. */
  async function expectAfter(slug: string, change: () => Promise<unknown>, expected: string | number) {
    for (let times = 0; times < 2; times++) await Promise.all([read(slug), readThere(slug)])
    await change()
    expect(await read(slug)).toBe(expected)
    await expect.poll(() => readThere(slug), { interval: 5, timeout: 1_000 }).toBe(expected)
  }

  test('is new at once on the node that changed it, and soon on the others, whatever the change', async () => {
    const { app, alice, publish } = world
    const { id: artifactId } = await publish('turn', page('one'))
    const send = app.send
    await expectAfter('turn', () => publish('turn', page('two')), 'two')
    await expectAfter('turn', () => send(ROLL_SITE_BACK, { artifactId, versionNo: 1 }, alice), 'one')
    await expectAfter('turn', () => send(CHANGE_SITE, { input: { artifactId, visibility: 'PRIVATE' } }, alice), 401)
    await expectAfter('turn', () => send(CHANGE_SITE, { input: { artifactId, visibility: 'UNLISTED' } }, alice), 'one')
    await expectAfter('turn', () => send(DELETE_SITE, { artifactId }, alice), 404)
    await expectAfter('turn', () => send(BRING_SITE_BACK, { artifactId }, alice), 'one')
    await expectAfter('turn--v2', () => send(DELETE_SITE_VERSION, { artifactId, versionNo: 2 }, alice), 404)
    await expectAfter('turn', () => publish('turn', page('three'), { visibility: 'PRIVATE', deploy: false }), 401)
  })

  test('by an action of a job is new too', async () => {
    const { app, alice, publish } = world
    const { id: artifactId } = await publish('acting', page('one'))
    await publish('acting', page('two'), { deploy: false })
    const job = await makeJob(app, alice.token, { artifactId, actions: [{ publish: {} }] })
    const runs = runActions(app, alice.token)
    await expectAfter('acting', async () => runs.story(await runs.start(job.id)), 'two')
  })

  test('is right under a storm of publishes and readers', async () => {
    const { publish } = world
    await publish('storm', page('0'))
    let last = 0
    let over = false
    const readers = Array.from({ length: 4 }, async () => {
      while (!over) {
        const atLeast = last
        expect(Number(await read('storm'))).toBeGreaterThanOrEqual(atLeast)
      }
    })
    for (let version = 1; version <= 25; version++) {
      await publish('storm', page(String(version)))
      last = version
    }
    over = true
    await Promise.all(readers)
    expect(await read('storm')).toBe('25')
    await expect.poll(() => readThere('storm'), { interval: 5, timeout: 1_000 }).toBe('25')
  })

  test('to private is kept for nobody: each request is asked who it is', async () => {
    const { alice, publish } = world
    await publish('private', page('for alice'), { visibility: 'PRIVATE' })
    for (let times = 0; times < 3; times++) {
      expect(await read('private', as(alice))).toBe('for alice')
      expect(await read('private')).toBe(401)
    }
  })

  test('is found anew after the bus was away', async () => {
    const { app, publish } = world
    await publish('outage', page('one'))
    const show = (visibility: string) =>
      query(app, `update artifact set visibility = '${visibility}' where slug = 'outage'`)
    // As if the word of the change had been lost. That of the publish may still come, and be taken for it.
    const afterLostWord = async () => {
      await show('PUBLIC')
      await read('outage')
      await show('PRIVATE')
      return read('outage')
    }
    await expect.poll(afterLostWord, { interval: 20, timeout: 3_000 }).toBe('one')
    await query(
      app,
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like 'listen %'`,
    )
    await expect.poll(() => read('outage'), { interval: 20, timeout: 3_000 }).toBe(401)
  })
})

describe('without a memory', () => {
  test('sites are served as well', async () => {
    const { app, publish, get } = await createSiteWorld({ SITE_CACHE_BYTES: '0' })
    onTestFinished(() => app.stop())
    const prose = 'prose '.repeat(1_000)
    await publish('site', [text('index.html', prose)])
    const headers = { 'accept-encoding': 'gzip' }
    for (let times = 0; times < 2; times++) {
      const answer = await get(`${siteOf('site')}/`, { headers })
      expect([answer.status, answer.headers.get('content-encoding')]).toEqual([200, 'gzip'])
    }
    // A variant that is gone, as it went with content that was published again, is made again.
    await query(app, 'delete from blob_variant')
    const answer = await get(`${siteOf('site')}/`, { headers })
    expect([answer.status, answer.headers.get('content-encoding')]).toEqual([200, 'gzip'])
  })
})
