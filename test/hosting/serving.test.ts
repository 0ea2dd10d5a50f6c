/** How files are sent: forms, conditions, ranges, how long they may be kept, and what stands in for missing ones. */
import { randomBytes } from 'node:crypto'
import net from 'node:net'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { query } from '../support/people.ts'
import { DELETE_SITE_VERSION, ROLL_SITE_BACK } from './operations.ts'
import {
  API,
  as,
  binary,
  createSiteWorld,
  FOR_EVER,
  type Init,
  NAVIGATION,
  REVALIDATED,
  SANDBOX,
  type SiteAnswer,
  type SiteWorld,
  siteOf,
  text,
} from './world.ts'

const PROSE = 'The quick brown fox jumps over the lazy dog. '.repeat(200)
const NOISE = randomBytes(5_000)
const LARGE = randomBytes(1_500_000)
const LONG_PROSE = 'All work and no play makes Jack a dull boy. '.repeat(40_000)
const SITE = siteOf('site')

let world: SiteWorld
beforeAll(async () => {
  world = await createSiteWorld()
  await world.publish('site', [
    text('index.html', `<!doctype html>${PROSE}`),
    text('app.3f9a2b1c.js', PROSE),
    text('plain.txt', PROSE),
    text('again.txt', PROSE.toUpperCase()),
    text('short.txt', 'short'),
    { ...binary('noise.txt', NOISE), mime: 'text/plain' },
    binary('noise.png', NOISE),
    binary('large.bin', LARGE),
    text('long.txt', LONG_PROSE),
    text('docs/index.html', 'the docs'),
    text('docs/404.html', 'no such page of the docs'),
  ])
})
afterAll(() => world?.app.stop())

const get = (path: string, headers: Record<string, string> = {}, more: Init = {}) =>
  world.get(`${SITE}/${path}`, { headers, ...more })

describe('compressed forms', () => {
  const unpack = { br: brotliDecompressSync, gzip: gunzipSync }

  test('are sent to those who take them, the smaller one first, and are the same file', async () => {
    const plain = await get('plain.txt')
    expect([plain.headers.get('content-encoding'), plain.headers.get('vary')]).toEqual([null, 'Accept-Encoding'])
    expect(plain.text).toBe(PROSE)
    for (const [accepts, encoding] of [
      ['gzip, deflate, br', 'br'],
      ['gzip', 'gzip'],
      ['br;q=0.1, gzip', 'gzip'],
    ] as const) {
      for (const round of ['made', 'ready']) {
        const packed = await get('plain.txt', { 'accept-encoding': accepts })
        expect([round, packed.headers.get('content-encoding')]).toEqual([round, encoding])
        expect(packed.headers.get('vary')).toBe('Accept-Encoding')
        expect(packed.headers.get('content-length')).toBe(String(packed.bytes.length))
        expect(packed.bytes.length).toBeLessThan(PROSE.length / 5)
        expect(unpack[encoding](packed.bytes).toString()).toBe(PROSE)
        expect(packed.headers.get('etag')).toBe(plain.headers.get('etag')?.replace(/"$/, `-${encoding}"`))
      }
    }
  })

  test('are not sent to those who do not take them, nor of what is small or packed already', async () => {
    for (const [path, accepts] of [
      ['plain.txt', 'identity'],
      ['plain.txt', 'br;q=0, zstd'],
      ['short.txt', 'br'],
      ['noise.png', 'br'],
      ['noise.txt', 'br'],
    ] as const) {
      const answer = await get(path, { 'accept-encoding': accepts })
      expect([path, answer.headers.get('content-encoding')]).toEqual([path, null])
      expect(answer.headers.get('etag')).toMatch(/^"[0-9a-f]{64}"$/)
    }
    expect((await get('noise.png')).headers.get('vary')).toBeNull()
  })

  test('are made once, also when many ask for one at the same time, and that there is no use in one is kept too', async () => {
    const rows = () =>
      query<{ encoding: string; size: number | null }>(
        world.app,
        `select v.encoding, octet_length(v.content) as size from blob_variant v join version_file f using (digest)
         where f.path = any($1) order by f.path, v.encoding`,
        [['again.txt', 'noise.txt']],
      )
    await Promise.all(Array.from({ length: 10 }, () => get('again.txt', { 'accept-encoding': 'br' })))
    await get('noise.txt', { 'accept-encoding': 'br' })
    expect(await rows()).toEqual([
      { encoding: 'br', size: expect.any(Number) },
      { encoding: 'br', size: null },
    ])
  })

  test('of a large file are not waited for', async () => {
    const first = await get('long.txt', { 'accept-encoding': 'br' })
    expect([first.headers.get('content-encoding'), first.text === LONG_PROSE]).toEqual([null, true])
    await expect
      .poll(async () => (await get('long.txt', { 'accept-encoding': 'br' })).headers.get('content-encoding'), {
        timeout: 20_000,
      })
      .toBe('br')
    const packed = await get('long.txt', { 'accept-encoding': 'br' })
    expect(brotliDecompressSync(packed.bytes).toString() === LONG_PROSE).toBe(true)
  })
})

describe('an answer from memory', () => {
  test('is the one that was sent before, header by header, and is the other origin’s only there', async () => {
    const told = ({ status, headers, bytes }: SiteAnswer) => [
      status,
      [...headers].filter(([name]) => name !== 'x-request-id' && name !== 'date'),
      bytes.length,
    ]
    await world.publish('twice', [text('index.html', PROSE), text('app.3f9a2b1c.js', PROSE)])
    for (const base of [siteOf('twice'), `${API}/a/twice`, siteOf('twice--v1')]) {
      for (const path of ['/app.3f9a2b1c.js', '/?_raw']) {
        for (const accepts of ['', 'gzip', 'br, gzip']) {
          const headers = { 'accept-encoding': accepts }
          const first = await world.get(`${base}${path}`, { headers })
          const second = await world.get(`${base}${path}`, { headers })
          expect(told(second)).toEqual(told(first))
          const sandboxed = base.startsWith(`${API}/a/`)
          expect(second.headers.get('content-security-policy')).toBe(sandboxed ? SANDBOX : null)
        }
      }
    }
  })
})

describe('bytes of a small file', () => {
  test('are never copied: what goes to the socket is the buffer in memory, every time', async () => {
    type Chunk = { chunk: Buffer | string }
    const socket = net.Socket.prototype as unknown as { _writev(chunks: Chunk[], done: () => void): void }
    const { _writev } = socket
    const sent: Buffer[] = []
    socket._writev = function (chunks, done) {
      for (const { chunk } of chunks) if (typeof chunk !== 'string' && chunk.length === NOISE.length) sent.push(chunk)
      _writev.call(this, chunks, done)
    }
    onTestFinished(() => void Object.assign(socket, { _writev }))
    for (let hit = 0; hit < 4; hit++) expect((await get('noise.png')).bytes.equals(NOISE)).toBe(true)
    const [first, second] = sent
    expect(sent).toHaveLength(4)
    expect(sent.slice(1).every((each) => each === second)).toBe(true)
    // The first is a view of the same memory.
    expect([first?.buffer === second?.buffer, first?.byteOffset]).toEqual([true, second?.byteOffset])
  })
})

describe('conditions', () => {
  test('each form has a tag of its own, and the plain one is good for all', async () => {
    const [plain, packed] = [await get('plain.txt'), await get('plain.txt', { 'accept-encoding': 'br' })]
    const [plainTag, packedTag] = [plain, packed].map(({ headers }) => headers.get('etag') ?? '')
    expect(plainTag).not.toBe(packedTag)
    for (const [tag, accepts, status] of [
      [plainTag, '', 304],
      [packedTag, 'br', 304],
      [plainTag, 'br', 304],
      [`${packedTag}, ${plainTag}`, '', 304],
      [packedTag, '', 200],
      [packedTag, 'gzip', 200],
      ['"other"', 'br', 200],
    ] as const) {
      const answer = await get('plain.txt', { 'if-none-match': tag ?? '', 'accept-encoding': accepts })
      expect([tag, accepts, answer.status]).toEqual([tag, accepts, status])
      if (status === 304) expect([answer.text, answer.headers.get('vary')]).toEqual(['', 'Accept-Encoding'])
    }
  })
})

describe('ranges', () => {
  const part = (path: string, range: string, headers = {}) => get(path, { range, ...headers })

  test('are sent alone, of the file as it is', async () => {
    for (const [range, start, end] of [
      ['bytes=0-4', 0, 5],
      ['bytes=1499990-', 1_499_990, 1_500_000],
      ['bytes=-10', 1_499_990, 1_500_000],
      ['bytes=300000-900000', 300_000, 900_001],
      ['bytes=0-99999999', 0, 1_500_000],
    ] as const) {
      const answer = await part('large.bin', range, { 'accept-encoding': 'br' })
      expect([range, answer.status]).toEqual([range, 206])
      expect(answer.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/1500000`)
      expect(answer.headers.get('content-length')).toBe(String(end - start))
      expect(answer.bytes.equals(LARGE.subarray(start, end))).toBe(true)
    }
    const answer = await part('plain.txt', 'bytes=4-8', { 'accept-encoding': 'br' })
    expect([answer.status, answer.text, answer.headers.get('content-encoding')]).toEqual([206, 'quick', null])
  })

  test('that the file does not have are 416, and leave the next request alone', async () => {
    const answer = await part('short.txt', 'bytes=5-')
    expect([answer.status, answer.headers.get('content-range'), answer.text]).toEqual([416, 'bytes */5', ''])
    expect((await get('short.txt')).text).toBe('short')
  })

  test('several, of other units, that are none or by HEAD are the whole file', async () => {
    for (const range of ['bytes=0-1,3-4', 'lines=0-1', 'bytes=3-1', 'nonsense']) {
      const answer = await part('short.txt', range)
      expect([range, answer.status, answer.text]).toEqual([range, 200, 'short'])
      expect(answer.headers.get('accept-ranges')).toBe('bytes')
    }
    const head = await get('short.txt', { range: 'bytes=0-1' }, { method: 'HEAD', headers: { range: 'bytes=0-1' } })
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '5'])
  })

  test('of a file that has changed meanwhile are the whole file', async () => {
    const etag = (await get('short.txt')).headers.get('etag') ?? ''
    for (const [ifRange, status] of [
      [etag, 206],
      [`W/${etag}`, 200],
      ['"other"', 200],
      [new Date(0).toUTCString(), 200],
    ] as const) {
      expect([ifRange, (await part('short.txt', 'bytes=0-1', { 'if-range': ifRange })).status]).toEqual([
        ifRange,
        status,
      ])
    }
    const both = await part('short.txt', 'bytes=0-1', { 'if-none-match': etag })
    expect(both.status).toBe(304)
  })
})

describe('how long an answer may be kept', () => {
  const kept = async (url: string, init?: Init) => (await world.get(url, init)).headers.get('cache-control')

  test('is for ever where the name tells the content, and not at all elsewhere', async () => {
    expect(await kept(`${SITE}/app.3f9a2b1c.js`)).toBe(FOR_EVER)
    expect(await kept(`${API}/a/site/app.3f9a2b1c.js`)).toBe(FOR_EVER)
    for (const path of ['', 'index.html', 'plain.txt', 'docs/']) expect(await kept(`${SITE}/${path}`)).toBe(REVALIDATED)
    expect(await kept(`${SITE}/gone.3f9a2b1c.js`)).toBe('no-store')
  })

  test('is never long, nor for others, of a private site', async () => {
    await world.publish('mine', [text('index.html'), text('app.3f9a2b1c.js')], { visibility: 'PRIVATE' })
    for (const name of ['mine', 'mine--v1']) {
      for (const path of ['', 'app.3f9a2b1c.js']) {
        expect(await kept(`${siteOf(name)}/${path}`, as(world.alice))).toBe('private, no-cache')
        expect(await kept(`${siteOf(name)}/${path}`)).toBe('no-store')
      }
    }
  })
})

describe('the address of a version', () => {
  test('answers that version for ever, live or not, and is for no search engine', async () => {
    await world.publish('many', [text('index.html', 'one'), text('only-one.txt')])
    await world.publish('many', [text('index.html', 'two')])
    await world.publish('many', [text('index.html', 'three')], { deploy: false })
    for (const [name, content] of [
      ['many--v1', 'one'],
      ['many--v2', 'two'],
      ['many--v3', 'three'],
    ] as const) {
      const own = await world.get(`${siteOf(name)}/`)
      const shared = await world.get(`${API}/a/${name}/?_raw`)
      for (const answer of [own, shared]) {
        expect([name, answer.status, answer.text]).toEqual([name, 200, content])
        expect(answer.headers.get('x-robots-tag')).toBe('noindex')
        expect(answer.headers.get('cache-control')).toBe(FOR_EVER)
      }
      expect(own.headers.get('content-security-policy')).toBeNull()
      expect(shared.headers.get('content-security-policy')).toBe(SANDBOX)
      const viewer = await world.get(`${API}/a/${name}/`)
      expect(viewer.text).toContain(`src="/a/${name}/?_raw"`)
      expect(viewer.headers.get('x-robots-tag')).toBe('noindex')
    }
    const live = await world.get(`${siteOf('many')}/`)
    expect([live.text, live.headers.get('x-robots-tag')]).toEqual(['two', null])
    expect((await world.get(`${siteOf('many--v2')}/only-one.txt`)).status).toBe(404)
    expect((await world.get(`${siteOf('many--v4')}/`)).status).toBe(404)
  })

  test('is as private as the artifact, and goes with the version', async () => {
    const { id } = await world.publish('closed', [text('index.html', 'one')], { visibility: 'PRIVATE' })
    await world.publish('closed', [text('index.html', 'two')])
    const read = (init?: Init) => world.get(`${siteOf('closed--v1')}/`, init)
    expect((await read()).status).toBe(401)
    expect((await read(as(world.alice))).text).toBe('one')
    await world.app.send(DELETE_SITE_VERSION, { artifactId: id, versionNo: 1 }, world.alice)
    expect((await read(as(world.alice))).status).toBe(404)
  })
})

describe('a file that only a version before the live one has', () => {
  const HASHED = 'chunk.7a1b2c3d.js'
  const read = (path = HASHED) => world.get(`${siteOf('moving')}/${path}`)
  const backdate = (days: number) =>
    query(
      world.app,
      `update deployment set created_at = created_at - make_interval(days => $1)
       where artifact_id = (select id from artifact where slug = 'moving')`,
      [days],
    )

  test('is there for 7 days if its name tells its content', async () => {
    await world.publish('moving', [text('index.html', 'one'), text(HASHED, 'chunk'), text('style.css')])
    await world.publish('moving', [text('index.html', 'two')])
    const answer = await read()
    expect([answer.status, answer.text, answer.headers.get('cache-control')]).toEqual([200, 'chunk', FOR_EVER])
    expect((await read('style.css')).status).toBe(404)
    expect((await read('other.7a1b2c3d.js')).status).toBe(404)
    expect((await world.get(`${siteOf('moving--v2')}/${HASHED}`)).status).toBe(404)
    await backdate(6)
    await world.publish('other', [text('index.html')])
    expect((await read()).status).toBe(200)
    await backdate(2)
    await world.publish('other', [text('index.html')])
    expect((await read()).status).toBe(404)
  })

  test('counts from the end of its last time in service', async () => {
    const { id: artifactId } = await world.publish('moving', [text('index.html', 'three')])
    await world.app.send(ROLL_SITE_BACK, { artifactId, versionNo: 1 }, world.alice)
    await world.app.send(ROLL_SITE_BACK, { artifactId, versionNo: 3 }, world.alice)
    expect((await read()).status).toBe(200)
  })
})

describe('a missing file', () => {
  const SPA = siteOf('spa')
  beforeAll(() =>
    world.publish('spa', [text('index.html', 'the app'), text('admin/404.html', 'no such page of admin')]),
  )

  test('is the site’s own route where somebody goes there and no page says otherwise', async () => {
    for (const path of ['users/7', 'users/', 'users/a.b?x=1', 'deep/er/path']) {
      const answer = await world.get(`${SPA}/${path}`, { headers: NAVIGATION })
      expect([path, answer.status, answer.text]).toEqual([path, 200, 'the app'])
      expect(answer.headers.get('cache-control')).toBe(REVALIDATED)
      const current = await world.get(`${SPA}/${path}`, {
        headers: { ...NAVIGATION, 'if-none-match': answer.headers.get('etag') ?? '' },
      })
      expect(current.status).toBe(304)
    }
    expect((await world.get(`${SPA}/users`, { headers: { accept: 'text/html' } })).text).toBe('the app')
  })

  test('is 404 to whoever wants a part of a page, and where a page says so', async () => {
    for (const [path, headers] of [
      ['users/7', {}],
      ['users/7', { accept: '*/*' }],
      ['users/7', { accept: 'text/html', 'sec-fetch-mode': 'cors' }],
      ['logo.png', { accept: 'text/html' }],
      ['gone.3f9a2b1c.js', { 'sec-fetch-mode': 'no-cors' }],
    ] as const) {
      const answer = await world.get(`${SPA}/${path}`, { headers })
      expect([path, answer.status, answer.text]).toEqual([path, 404, 'Not found\n'])
    }
    const answer = await world.get(`${SPA}/admin/x/y`, { headers: NAVIGATION })
    expect([answer.status, answer.text]).toEqual([404, 'no such page of admin'])
  })

  test('may be a folder, whose address ends in a slash', async () => {
    for (const [url, location] of [
      [`${SITE}/docs?x=1`, '/docs/?x=1'],
      [`${SITE}/doc%73`, '/doc%73/'],
      [`${API}/a/site/docs`, '/a/site/docs/'],
    ]) {
      const answer = await world.get(url ?? '', { headers: NAVIGATION })
      expect([url, answer.status, answer.headers.get('location')]).toEqual([url, 308, location])
    }
    expect((await get('docs/')).text).toBe('the docs')
    expect((await get('docs/index.html')).status).toBe(200)
    expect((await world.get(`${SITE}//docs`)).status).toBe(404)
  })
})

describe('requests made to break out', () => {
  const raw = (head: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let answer = ''
      const { port } = new URL(world.app.url)
      const socket = net.connect(Number(port), '127.0.0.1', () => socket.write(`${head}Connection: close\r\n\r\n`))
      socket.setEncoding('latin1').on('data', (chunk) => (answer += chunk))
      socket.on('error', reject).on('close', () => resolve(answer))
    })

  test.each([
    '/../plain.txt',
    '/docs/../plain.txt',
    '/docs/%2e%2e/plain.txt',
    '/..%2fplain.txt',
    '/%252e%252e%252fplain.txt',
    '/..\\plain.txt',
    '/docs%5c..%5cplain.txt',
    '/plain.txt%00.html',
    '/%00',
    '/%',
    '/%c0%ae%c0%ae/plain.txt',
    '//plain.txt',
    '//evil.example/docs',
    `/${'../'.repeat(500)}etc/passwd`,
    `/${'x'.repeat(10_000)}`,
    'http://evil.example/plain.txt',
    'http://site.localhost/plain.txt',
    '*',
  ])('get nothing of it: %s', async (target) => {
    const answer = await raw(`GET ${target} HTTP/1.1\r\nHost: site.localhost\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 40[04] /)
    expect(answer.split('\r\n\r\n')[1]).toMatch(/^(Not found|The address is not valid: [^<]*)\n$|^$/)
  })

  test('of another method get 405', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']) {
      const answer = await raw(`${method} /plain.txt HTTP/1.1\r\nHost: site.localhost\r\n`)
      expect(answer).toMatch(/^HTTP\/1\.1 405 /)
      expect(answer).toMatch(/\r\nallow: GET, HEAD\r\n/)
    }
  })
})
