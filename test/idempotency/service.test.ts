/** Requests that their clients may send again. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createIdempotencyService } from '../../src/idempotency/service.ts'
import { createLog } from '../../src/kernel/log.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { query, signUp } from '../support/people.ts'
import { deferred } from '../support/receiver.ts'

describe('a request with a key', () => {
  let app: TestApp
  let pool: pg.Pool
  let principalId: string

  beforeAll(async () => {
    app = await createTestApp()
    pool = new pg.Pool({ connectionString: app.databaseUrl })
    await signUp(app, 'ann')
    principalId = (await query<{ id: string }>(app, `select id from principal where handle = 'ann'`))[0]?.id ?? ''
  })
  afterAll(async () => {
    await pool.end()
    await app.stop()
  })

  const serviceOf = (leaseSeconds = 30) => createIdempotencyService({ pool, log: createLog('silent'), leaseSeconds })
  const requestOf = (key: string, more = {}) => ({ principalId, route: 'POST /x', key, request: '', ...more })

  it('has one effect, though twenty are sent at once', async () => {
    const service = serviceOf()
    let effects = 0
    const { promise, resolve } = deferred()
    const sent = Array.from({ length: 20 }, () =>
      service.once(requestOf('twenty'), async () => {
        effects++
        await promise
        return { effects }
      }),
    )
    const codes: string[] = []
    const others = sent.map((each) => each.catch(({ code }) => codes.push(code)))
    await expect.poll(() => codes).toEqual(Array(19).fill('IDEMPOTENCY_KEY_IN_USE'))
    resolve()
    await Promise.all(others)
    expect(effects).toBe(1)
    const again = await service.once(requestOf('twenty'), async () => ({ effects: ++effects }))
    expect(again).toEqual({ answer: { effects: 1 }, replayed: true })
  })

  it('is another one with another principal, route or key', async () => {
    const service = serviceOf()
    await service.once(requestOf('mine'), async () => 1)
    await signUp(app, 'bob')
    const [bob] = await query<{ id: string }>(app, `select id from principal where handle = 'bob'`)
    for (const more of [
      { principalId: bob?.id },
      { route: 'POST /y' },
      { route: `POST /${'z'.repeat(9000)}` },
      { key: 'other' },
    ]) {
      expect(await service.once(requestOf('mine', more), async () => 2)).toEqual({ answer: 2, replayed: false })
      expect(await service.once(requestOf('mine', more), async () => 3)).toEqual({ answer: 2, replayed: true })
    }
  })

  it('frees its key when it fails, or when its answer is not to be kept', async () => {
    const service = serviceOf()
    await expect(service.once(requestOf('failing'), () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    const refused = await service.once(
      requestOf('failing'),
      async () => 'refused',
      () => false,
    )
    expect(refused).toEqual({ answer: 'refused', replayed: false })
    expect(await service.once(requestOf('failing'), async () => 'done')).toEqual({ answer: 'done', replayed: false })
  })

  it('keeps its key while it works, however long, and leaves it free when its process is gone', async () => {
    const service = serviceOf(1)
    const { promise, resolve } = deferred()
    const working = service.once(requestOf('long'), () => promise)
    const leases = new Set<string>()
    while (leases.size < 4) {
      const rows = await query<{ until: string }>(
        app,
        `select lease_until::text as until from idempotency_record where key = 'long'`,
      )
      for (const { until } of rows) leases.add(until)
    }
    await expect(service.once(requestOf('long'), async () => 1)).rejects.toMatchObject({
      code: 'IDEMPOTENCY_KEY_IN_USE',
    })
    resolve()
    await working
    await query(
      app,
      `insert into idempotency_record (principal_id, route, key, request_hash, lease_until)
       values ($1::uuid, 'POST /x', 'killed', '', now() - interval '1 second')`,
      [principalId],
    )
    expect(await service.once(requestOf('killed'), async () => 'again')).toEqual({ answer: 'again', replayed: false })
  })

  it('is answered again for a day, and its answer is kept no longer', async () => {
    const service = serviceOf()
    const age = (hours: number) =>
      query(app, `update idempotency_record set created_at = now() - make_interval(hours => $1) where key = 'aged'`, [
        hours,
      ])
    await service.once(requestOf('aged'), async () => 'first')
    await age(23)
    expect((await service.once(requestOf('aged'), async () => 'second')).answer).toBe('first')
    await age(25)
    expect((await service.once(requestOf('aged'), async () => 'second')).answer).toBe('second')
    await age(25)
    await service.once(requestOf('another'), async () => 1)
    expect(await query(app, `select 1 from idempotency_record where key = 'aged'`)).toEqual([])
  })

  it.each(['', 'ä', 'a\nb', 'x'.repeat(256)])('refuses a key that is none', async (key) => {
    let worked = false
    onTestFinished(() => expect(worked).toBe(false))
    const asked = serviceOf().once(requestOf(key), async () => {
      worked = true
    })
    await expect(asked).rejects.toMatchObject({ code: 'VALIDATION' })
    expect((await serviceOf().once(requestOf(`${'x'.repeat(255)}`), async () => 1)).answer).toBe(1)
  })
})
