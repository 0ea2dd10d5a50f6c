import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { StepContext } from '../../../src/actions/driver.ts'
import { createMaterializeDriver } from '../../../src/actions/drivers/materialize.ts'
import { createActionRegistry } from '../../../src/actions/registry.ts'
import { isUnreachable } from '../../../src/db/errors.ts'
import { createEgress } from '../../../src/egress/egress.ts'
import { formatId, newId } from '../../../src/kernel/ids.ts'
import { numbered, useWorld, type World } from '../../data/port-world.ts'
import { type Answer, deferred, startReceiver } from '../../support/receiver.ts'
import { listener, stepContext } from '../context.ts'
import { createTestPorts } from '../ports.ts'

const MAX_BYTES = 200_000

let world: World
useWorld((made) => {
  world = made
})

function open() {
  const egress = createEgress({ allowCidrs: ['127.0.0.0/8'], httpsOnly: false })
  onTestFinished(() => egress.close())
  const ports = { ...createTestPorts(), datasets: world.datasets }
  const deps = { ...ports, egress, version: '1.2.3', maxFetchBytes: MAX_BYTES }
  const driver = createMaterializeDriver(deps)
  return {
    registry: createActionRegistry(deps),
    execute: (config: object, part: Partial<StepContext> = {}) =>
      driver.execute(driver.config.parse(config), stepContext({ subject: world.alice, ...part })),
  }
}

const csv: Answer = (response) => response.setHeader('content-type', 'text/csv').end('a,b\n1,x\n2,y\n')
const CSV_ROWS = [
  { a: '1', b: 'x' },
  { a: '2', b: 'y' },
]

/** A dataset with one old row, and what a step that fetches into it comes to. */
async function into(
  answer: Answer,
  {
    path = '/rows',
    source = {},
    mode = 'REPLACE',
    ...part
  }: object & {
    path?: string
    source?: object
    mode?: string
  } & Partial<StepContext> = {},
) {
  const receiver = await startReceiver(answer)
  const dataset = await world.dataset([{ old: true }])
  const config = {
    source: { url: receiver.url + path, ...source },
    target: { dataset: formatId('Dataset', dataset.id) },
    mode,
  }
  const result = await open().execute(config, part)
  return { receiver, dataset, result, rows: await world.rowsOf(dataset) }
}

describe('rows on their way', () => {
  test('are counted, with the share of the address that has come, if it says how long it is', async () => {
    const { said, report } = listener()
    await into(csv, { report })
    expect(said).toEqual([{ done: 2, fraction: 1, message: 'rows read' }])
    const endless: Answer = (response) => {
      response.setHeader('content-type', 'text/csv').write('a\n1\n')
      response.end('2\n')
    }
    await into(endless, { report })
    expect(said.at(-1)).toEqual({ done: 2, fraction: null, message: 'rows read' })
  })
})

describe('rows of an address', () => {
  test('take the place of those that are there, or come behind them', async () => {
    const { result, rows, dataset, receiver } = await into(csv)
    expect(result).toMatchObject({
      ok: true,
      output: { rows: 2, dataset: formatId('Dataset', dataset.id) },
      deliveries: [{ method: 'GET', status: 200, truncated: false, error: null, durationMs: expect.any(Number) }],
    })
    expect(result.deliveries[0]?.responseBody.toString()).toBe('a,b\n1,x\n2,y\n')
    expect(result.deliveries[0]?.responseHeaders).toMatchObject({ 'content-type': 'text/csv' })
    expect(rows).toEqual(CSV_ROWS)
    expect(receiver.calls[0]?.headers).toMatchObject({
      'user-agent': 'Runsheet/1.2.3',
      'accept-encoding': 'gzip, deflate, br',
    })
    expect((await into(csv, { mode: 'APPEND' })).rows).toEqual([{ old: true }, ...CSV_ROWS])
  })

  test.each([
    ['text/csv; charset=utf-8', '/', 'a\n1\n'],
    ['text/plain', '/rows.csv?x=y.json', 'a\n1\n'],
    ['text/tab-separated-values', '/', 'a\n1\n'],
    ['application/octet-stream', '/rows.tsv', 'a\n1\n'],
    ['application/json', '/rows.csv', '[{"a":"1"}]'],
    ['application/vnd.api+json', '/', '[{"a":"1"}]'],
    ['', '/rows.JSON', '[{"a":"1"}]'],
    ['application/x-ndjson', '/', '{"a":"1"}\n'],
    ['text/plain', '/rows.jsonl', '{"a":"1"}\n'],
  ])('%s at %s is read as what it is', async (type, path, text) => {
    const { rows, result } = await into(
      (response) => (type ? response.setHeader('content-type', type) : response).end(text),
      { path },
    )
    expect(result.ok).toBe(true)
    expect(rows).toEqual([{ a: '1' }])
  })

  test('are read as is asked for, whatever the answer says of itself', async () => {
    const text: Answer = (response) =>
      response.setHeader('content-type', 'text/html').end('{"data":{"items":[{"a":1}]}}')
    expect((await into(text, { source: { format: 'JSON', path: 'data.items' } })).rows).toEqual([{ a: 1 }])
    const wide: Answer = (response) => response.end('a,b;c\n1;2\n')
    const source = { format: 'CSV', delimiter: 'SEMICOLON', types: true }
    expect((await into(wide, { source })).rows).toEqual([{ 'a,b': 1, c: 2 }])
  })

  test('may go to a dataset by name, which is made once the answer is there', async () => {
    const good = await startReceiver(csv)
    const bad = await startReceiver((response) => response.writeHead(404).end())
    const subject = { ...world.alice, artifactId: await world.artifact(world.alice.ownerId) }
    const run = (url: string) => open().execute({ source: { url }, target: { name: 'Fetched' } }, { subject })
    expect(await run(bad.url)).toMatchObject({ ok: false })
    expect(await world.datasets.named(subject, 'Fetched')).toBe(null)
    const first = await run(good.url)
    const second = await run(good.url)
    expect(second).toMatchObject({ ok: true, output: first.ok && first.output })
    const made = await world.datasets.named(subject, 'Fetched')
    expect(made && (await world.rowsOf(made))).toEqual(CSV_ROWS)
  })

  test('are put in once, though the step is done over', async () => {
    const receiver = await startReceiver(csv)
    const dataset = await world.dataset([{ old: true }])
    const effect = await world.effect()
    const config = {
      source: { url: receiver.url },
      target: { dataset: formatId('Dataset', dataset.id) },
      mode: 'APPEND',
    }
    const results = await Promise.all([1, 2, 3].map(() => open().execute(config, { effect })))
    expect(results).toMatchObject(results.map(() => ({ ok: true, output: { rows: 2 } })))
    expect(await world.rowsOf(dataset)).toEqual([{ old: true }, ...CSV_ROWS])
  })

  test('a record holds the first 20,000 bytes of them', async () => {
    const text = `a\n${'0123456789\n'.repeat(10_000)}`
    const { result, rows } = await into((response) => response.setHeader('content-type', 'text/csv').end(text))
    expect(rows).toHaveLength(10_000)
    const [delivery] = result.deliveries
    expect(delivery).toMatchObject({ status: 200, truncated: true, error: null })
    expect(delivery?.responseBody.toString()).toBe(text.slice(0, 20_000))
  })

  test('fill in the templates of the address and of the headers', async () => {
    const receiver = await startReceiver(csv)
    const dataset = await world.dataset()
    const config = {
      source: {
        url: `${receiver.url}/{{ input.day }}?k={{ steps.token.key }}`,
        headers: { authorization: 'Bearer {{ steps.token.key }}' },
      },
      target: { dataset: formatId('Dataset', dataset.id) },
    }
    const { registry } = open()
    const stored = JSON.parse(
      JSON.stringify(await registry.parse('materialize', config, { subject: world.alice, steps: ['token'] })),
    )
    const context = stepContext({
      subject: world.alice,
      input: { day: '2026/03' },
      steps: { token: { key: 's3cret&x' } },
    })
    const result = await registry.get('materialize')?.execute(stored, context)
    expect(result).toMatchObject({ ok: true })
    expect(receiver.calls).toMatchObject([
      { url: '/2026%2F03?k=s3cret%26x', headers: { authorization: 'Bearer s3cret&x' } },
    ])
    expect(JSON.stringify(result?.deliveries[0]?.requestHeaders)).not.toContain('s3cret')
    expect(await registry.get('materialize')?.execute(stored, stepContext({ subject: world.alice }))).toMatchObject({
      ok: false,
      failure: { code: 'TEMPLATE' },
    })
  })
})

describe('a packed answer', () => {
  const text = Buffer.from('a,b\n1,x\n2,y\n')
  const packed =
    (encoding: string, body: Buffer): Answer =>
    (response) =>
      response.writeHead(200, { 'content-type': 'text/csv', 'content-encoding': encoding }).end(body)

  test.each([
    ['gzip', gzipSync(text)],
    ['X-GZIP', gzipSync(text)],
    ['br', brotliCompressSync(text)],
    ['deflate', deflateSync(text)],
    ['identity', text],
    ['gzip, br', brotliCompressSync(gzipSync(text))],
  ])('is unpacked: %s', async (encoding, body) => {
    expect((await into(packed(encoding, body))).rows).toEqual(CSV_ROWS)
  })

  test.each([
    ['gzip', text, 'the answer is not gzip, or ends too soon'],
    ['gzip', gzipSync(text).subarray(0, -6), 'the answer is not gzip, or ends too soon'],
    ['br', Buffer.from('nothing of the kind'), 'the answer is not br, or ends too soon'],
    ['zstd', text, 'the answer is packed as "zstd"; gzip, deflate, br are understood'],
    [
      'gzip, gzip, gzip, gzip',
      text,
      'the answer is packed as "gzip, gzip, gzip, gzip"; gzip, deflate, br are understood',
    ],
  ])('that is not what it says is refused: %s', async (encoding, body, message) => {
    const { result, rows } = await into(packed(encoding, body))
    expect(result).toMatchObject({ ok: false, failure: { code: 'ENCODING', message, transient: false } })
    expect(result.deliveries).toMatchObject([{ status: 200, error: null }])
    expect(rows).toEqual([{ old: true }])
  })

  test('that is small and becomes large is given up in time', async () => {
    const row = `${'x'.repeat(1000)}\n`
    const bomb = gzipSync(gzipSync(Buffer.from(`a\n${row.repeat(100_000)}`)))
    expect(bomb.length).toBeLessThan(MAX_BYTES / 100)
    const { result, rows } = await into(packed('gzip, gzip', bomb))
    expect(result).toMatchObject({
      ok: false,
      failure: { code: 'TOO_LARGE', message: `there are more than ${MAX_BYTES} bytes` },
    })
    expect(rows).toEqual([{ old: true }])
  })
})

describe('nothing changes', () => {
  const unchanged = async (answer: Answer, expected: object, more = {}) => {
    const { result, rows, dataset } = await into(answer, more)
    expect(result).toMatchObject({ ok: false, ...expected })
    expect(rows).toEqual([{ old: true }])
    expect(await world.rowCount(dataset)).toBe(1)
    return result
  }
  const says =
    (type: string, text: string): Answer =>
    (response) =>
      response.setHeader('content-type', type).end(text)

  test.each([
    ['text/csv', '', 'INVALID_CSV', 'it is empty: the first line must name the columns'],
    ['text/csv', 'a,b\n1\n', 'INVALID_CSV', 'line 2: has not as many fields as the header has columns'],
    ['application/json', '{"a":1}', 'INVALID_JSON', 'it is not an array; `path` leads to one inside of it'],
    ['application/json', '[{"a":"\\u0000"}]', 'INVALID_ROW', 'row 1 must not hold a NUL character'],
    ['application/x-ndjson', '{}\n{', 'INVALID_JSON', 'line 2 is not JSON'],
    [
      'text/html',
      '<html>',
      'UNKNOWN_FORMAT',
      'the answer is "text/html", and its address does not say more: give source.format',
    ],
    ['text/csv', `a\n${'x\n'.repeat(MAX_BYTES)}`, 'TOO_LARGE', `there are more than ${MAX_BYTES} bytes`],
  ])('when the answer (%s) is %j', async (type, text, code, message) => {
    const result = await unchanged(says(type, text), { failure: { code, message, transient: false } })
    expect(result.deliveries).toMatchObject([{ status: 200, error: null }])
  })

  test('when there are too many rows', async () => {
    await unchanged(says('text/csv', `a\n${'1\n'.repeat(30_001)}`), { failure: { code: 'DATASET_FULL' } })
  })

  test.each([
    [302, { code: 'HTTP_302', transient: false }],
    [404, { code: 'HTTP_404', transient: false }],
    [410, { code: 'HTTP_410', transient: false, gone: true }],
    [429, { code: 'HTTP_429', transient: true, retryAfter: 17 }],
    [503, { code: 'HTTP_503', transient: true, retryAfter: 17 }],
  ])('when the answer is %i', async (status, failure) => {
    const answer: Answer = (response) =>
      response.writeHead(status, { 'retry-after': '17', 'content-type': 'text/csv' }).end('a\n1\n')
    const result = await unchanged(answer, { failure })
    expect(result.deliveries).toMatchObject([{ status, error: null }])
    expect(result.deliveries[0]?.responseBody.toString()).toBe('a\n1\n')
  })

  const many = `a,b\n${'1,some text that is long enough\n'.repeat(4_000)}`

  test('when the connection breaks in the middle', async () => {
    const result = await unchanged(
      (response) => {
        response.writeHead(200, { 'content-type': 'text/csv', 'content-length': many.length + 10 })
        response.write(many, () => response.destroy())
      },
      { failure: { code: 'CONNECTION', transient: true } },
    )
    expect(result.deliveries).toMatchObject([{ status: 200, error: { code: 'CONNECTION' } }])
  })

  test('when nobody listens, and when the target is refused', async () => {
    const target = { name: newId() }
    const { execute } = open()
    expect(await execute({ source: { url: 'http://127.0.0.1:9/' }, target })).toMatchObject({
      failure: { code: 'CONNECTION', transient: true },
      deliveries: [{ status: null }],
    })
    expect(await execute({ source: { url: 'http://10.0.0.1/' }, target })).toMatchObject({
      failure: { code: 'EGRESS_REFUSED', transient: false },
    })
    expect(await world.datasets.named(world.alice, target.name)).toBe(null)
  })

  test.each([
    ['TIMEOUT', new DOMException('late', 'TimeoutError'), true],
    ['ABORTED', new Error('cancelled'), false],
  ])('when the step is ended in the middle: %s', async (code, reason, transient) => {
    const end = new AbortController()
    const closed = deferred()
    const result = await unchanged(
      (response) => {
        response.on('close', () => closed.resolve())
        response.setHeader('content-type', 'text/csv')
        response.write(many, async () => {
          await expect.poll(async () => (await world.bulkSessions()).length).toBe(1)
          end.abort(reason)
        })
      },
      { failure: { code, transient } },
      { signal: end.signal },
    )
    expect(result.deliveries).toMatchObject([{ status: 200, error: { code } }])
    await closed.promise
    await expect.poll(async () => (await world.bulkSessions()).length).toBe(0)
  })

  test('when the database is cut off in the middle: that is a fault of ours', async () => {
    const dataset = await world.dataset([{ old: true }])
    const receiver = await startReceiver((response) => {
      response.setHeader('content-type', 'text/csv')
      response.write(many, async () => {
        await expect.poll(async () => (await world.bulkSessions()).length).toBe(1)
        await world.sql(
          `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'bulk loads of runsheet'`,
        )
        // It ends a moment after it was told to: what is left must not get through in between.
        await expect.poll(() => world.bulkSessions()).toEqual([])
        response.end('1,2\n')
      })
    })
    const config = { source: { url: receiver.url }, target: { dataset: formatId('Dataset', dataset.id) } }
    await expect(open().execute(config)).rejects.toSatisfy(isUnreachable)
    expect(await world.rowsOf(dataset)).toEqual([{ old: true }])
  })

  test('when the dataset is gone, or somebody else’s', async () => {
    const receiver = await startReceiver(csv)
    const dataset = await world.dataset([{ old: true }])
    const ref = formatId('Dataset', dataset.id)
    const config = { source: { url: receiver.url }, target: { dataset: ref } }
    const message = `there is no dataset "${ref}" that the owner of the job may use`
    const failed = { ok: false, failure: { code: 'NO_SUCH_DATASET', message, transient: false } }
    expect(await open().execute(config, { subject: await world.person('bob') })).toMatchObject(failed)
    expect(await world.rowsOf(dataset)).toEqual([{ old: true }])
    await world.prisma.dataset.delete({ where: { id: dataset.id } })
    expect(await open().execute(config)).toMatchObject(failed)
  })
})

describe('rows of a dataset', () => {
  test('are copied as they are at one instant', async () => {
    const from = await world.dataset(numbered(3_000))
    const to = await world.dataset([{ old: true }])
    const config = {
      source: { dataset: formatId('Dataset', from.id) },
      target: { dataset: formatId('Dataset', to.id) },
    }
    const output = { rows: 3_000, dataset: formatId('Dataset', to.id) }
    expect(await open().execute(config)).toEqual({ ok: true, output, deliveries: [] })
    expect(await world.rowsOf(to)).toEqual(numbered(3_000))
    expect(await open().execute({ ...config, mode: 'APPEND' })).toMatchObject({ ok: true })
    expect(await world.rowCount(to)).toBe(6_000)
  })

  test('are not put in their own place, and may be doubled', async () => {
    const dataset = await world.dataset(numbered(10))
    const ref = formatId('Dataset', dataset.id)
    const config = { source: { dataset: ref }, target: { dataset: ref } }
    expect(await open().execute(config)).toMatchObject({
      ok: false,
      failure: { code: 'SAME_DATASET', transient: false },
    })
    expect(await open().execute({ ...config, mode: 'APPEND' })).toMatchObject({ ok: true, output: { rows: 10 } })
    expect(await world.rowCount(dataset)).toBe(20)
  })

  test('stay where they are when the step is ended', async () => {
    const from = await world.dataset(numbered(10))
    const to = await world.dataset([{ old: true }])
    const config = {
      source: { dataset: formatId('Dataset', from.id) },
      target: { dataset: formatId('Dataset', to.id) },
    }
    const signal = AbortSignal.abort(new DOMException('late', 'TimeoutError'))
    expect(await open().execute(config, { signal })).toMatchObject({
      ok: false,
      failure: { code: 'TIMEOUT', transient: true },
    })
    expect(await world.rowsOf(to)).toEqual([{ old: true }])
  })
})
