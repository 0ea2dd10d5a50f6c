/** Sites that browsers may make apps of, and their pages for small screens, over HTTP. */
import { brotliDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { installable } from '../../src/artifacts/app-icon.ts'
import { withLinks } from '../../src/hosting/app-links.ts'
import { signUp } from '../support/people.ts'
import { APP_OF_SITE } from './operations.ts'
import { API, as, createSiteWorld, NAVIGATION, type SiteWorld, siteOf, text } from './world.ts'

const dataUrl = (type: string, content: Buffer | string) =>
  `data:${type};base64,${Buffer.from(content).toString('base64')}`

/** As much of a PNG as says how large it is. */
function png(width: number, height = width): string {
  const head = Buffer.alloc(33)
  head.write('89504e470d0a1a0a0000000d49484452', 'hex')
  head.writeUInt32BE(width, 16)
  head.writeUInt32BE(height, 20)
  return dataUrl('image/png', head)
}

const PAGE = `<!doctype html><html><head><title>x</title></head><body>${'word '.repeat(500)}</body></html>`
const LINKS =
  '<link rel="manifest" href="/manifest.json" crossorigin="use-credentials"><meta name="theme-color" content="#ffffff"><link rel="apple-touch-icon" href="/.runsheet/icon"><script src="/.runsheet/app.js" defer></script>'

let world: SiteWorld

beforeAll(async () => {
  world = await createSiteWorld()
  const files = [text('index.html', PAGE), text('app.3f9a2b1c.js', '1'), text('a b/c.txt', 'c')]
  const pwa = { enabled: true, name: 'The shop', shortName: 'Shop', icon: png(192) }
  await world.publish('shop', files, { pwa, mobileHtml: '<p>small</p>' })
  await world.publish('own', [...files, text('manifest.json', '{"own":1}'), text('sw.js', '// own')], { pwa })
  await world.publish('plain', files)
  await world.publish('closed', files, { pwa, mobileHtml: '<p>small</p>', visibility: 'PRIVATE' })
})
afterAll(() => world.app.stop())

const get = (url: string, headers: Record<string, string> = {}) => world.get(url, { headers })

describe('an app', () => {
  test('has a manifest with its icon as it was given', async () => {
    const own = await get(`${siteOf('shop')}/manifest.json`)
    expect([own.status, own.headers.get('content-type')]).toEqual([200, 'application/manifest+json; charset=utf-8'])
    expect(JSON.parse(own.text)).toMatchObject({
      ...{ name: 'The shop', short_name: 'Shop', start_url: '/', scope: '/', display: 'standalone' },
      icons: [{ src: png(192), sizes: '192x192', type: 'image/png' }],
    })
    const shared = JSON.parse((await get(`${API}/a/shop/manifest.json`)).text)
    expect(shared).toMatchObject({ start_url: '/a/shop/', scope: '/a/shop/' })
    const again = await get(`${siteOf('shop')}/manifest.json`, { 'if-none-match': own.headers.get('etag') ?? '' })
    expect(again.status).toBe(304)
  })

  test('has a service worker that keeps the files of its version', async () => {
    const own = await get(`${siteOf('shop')}/sw.js`)
    expect([own.status, own.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8'])
    expect(own.text).toContain('const FILES = ["/a%20b/c.txt","/app.3f9a2b1c.js","/"]')
    expect(own.text).toContain('const FOR_EVER = new Set(["/app.3f9a2b1c.js"])')
    expect((await get(`${API}/a/shop/sw.js`)).text).toContain('"/a/shop/app.3f9a2b1c.js"')
  })

  test('has an icon, and a script that registers its worker', async () => {
    expect((await get(`${siteOf('shop')}/.runsheet/icon`)).headers.get('content-type')).toBe('image/png')
    expect((await get(`${siteOf('shop')}/.runsheet/app.js`)).text).toContain(`register('/sw.js')`)
    expect((await get(`${siteOf('plain')}/.runsheet/icon`)).status).toBe(404)
  })

  test('has its own manifest and worker on its own host, if it has them, and the generated ones on the API’s', async () => {
    expect((await get(`${siteOf('own')}/manifest.json`)).text).toBe('{"own":1}')
    expect((await get(`${siteOf('own')}/sw.js`)).text).toBe('// own')
    expect(JSON.parse((await get(`${API}/a/own/manifest.json`)).text).name).toBe('The shop')
  })

  test('that is private shows none of this to others', async () => {
    for (const path of ['manifest.json', 'sw.js', '.runsheet/icon', '?v=mobile']) {
      for (const root of [`${siteOf('closed')}/`, `${API}/a/closed/`]) {
        const answer = await world.get(root + path, as(world.alice))
        expect([root + path, (await get(root + path)).status, answer.status]).toEqual([root + path, 401, 200])
        expect(answer.headers.get('cache-control')).toBe('private, no-cache')
      }
    }
  })

  test('is made of no site that did not ask for it', async () => {
    expect((await get(`${siteOf('plain')}/manifest.json`)).status).toBe(404)
    expect((await get(`${API}/a/plain/sw.js`)).status).toBe(404)
    expect((await get(`${siteOf('plain')}/`)).text).toBe(PAGE)
  })
})

describe('a page of an app', () => {
  const url = `${siteOf('shop')}/`
  const linked = PAGE.replace('</head>', `${LINKS}</head>`)

  test('has links in its head, and else is what it was', async () => {
    const page = await get(url, NAVIGATION)
    expect([page.status, page.text]).toEqual([200, linked])
    expect(page.headers.get('content-length')).toBe(String(Buffer.byteLength(linked)))
    expect((await get(`${API}/a/shop/?_raw`)).text).toBe(
      PAGE.replace('</head>', `${LINKS.replaceAll('"/', '"/a/shop/').replace(/<script.*<\/script>/, '')}</head>`),
    )
    expect((await get(`${url}a%20b/c.txt`)).text).toBe('c')
  })

  test('has a tag of its own, ranges, and compressed forms, again and again', async () => {
    const plainTag = (await get(`${siteOf('plain')}/`)).headers.get('etag')
    for (let n = 0; n < 2; n++) {
      const page = await get(url)
      const etag = page.headers.get('etag') ?? ''
      expect(etag).not.toBe(plainTag)
      expect((await get(url, { 'if-none-match': etag })).status).toBe(304)
      expect((await get(url, { 'if-none-match': plainTag ?? '' })).status).toBe(200)
      const part = await get(url, { range: 'bytes=10-49' })
      expect([part.status, part.text]).toEqual([206, linked.slice(10, 50)])
      const packed = await get(url, { 'accept-encoding': 'br' })
      expect(packed.headers.get('content-encoding')).toBe('br')
      expect(packed.headers.get('etag')).not.toBe(etag)
      expect(brotliDecompressSync(packed.bytes).toString()).toBe(linked)
    }
    expect((await get(`${siteOf('plain')}/`, { 'accept-encoding': 'br' })).bytes).not.toEqual(
      (await get(url, { 'accept-encoding': 'br' })).bytes,
    )
  })

  test.each([
    ['<HEAD></HEAD >', '<HEAD>L</HEAD >'],
    ['<!DOCTYPE html>\n<p>', '<!DOCTYPE html>L\n<p>'],
    ['\ufeff<!-- a --> <!doctype html><p>', '\ufeff<!-- a --> <!doctype html>L<p>'],
    ['\ufeff<p>ü', '\ufeffL<p>ü'],
    ['ü</head>', 'üL</head>'],
    ['', 'L'],
  ])('%j gets its links in the right place', (page, expected) => {
    expect(withLinks(Buffer.from(page), 'L')?.toString()).toBe(expected)
  })

  test('in UTF-16 gets none', () => {
    expect(withLinks(Buffer.from('\ufeff<p>', 'utf16le'), 'L')).toBeNull()
  })
})

describe('browsers would install', () => {
  const app = (icon: string | null) => ({ name: 'a', shortName: 'a', icon })
  const HTTPS = 'https://a.example/'

  test.each([
    [png(144), HTTPS],
    [png(192), 'http://a.localhost:4000/'],
    [dataUrl('image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg"/>'), HTTPS],
  ])('an app with icon %.40s at %s', (icon, url) => expect(installable(app(icon), url)).toBe(true))

  test.each([
    [null, HTTPS],
    [png(143), HTTPS],
    [png(192, 100), HTTPS],
    [png(192), 'http://a.example/'],
    [dataUrl('image/png', 'no picture'), HTTPS],
    [dataUrl('image/jpeg', 'no picture'), HTTPS],
    [dataUrl('image/svg+xml', 'no picture'), HTTPS],
    ['https://cdn.example/icon.png', HTTPS],
  ])('no app with icon %.40s at %s', (icon, url) => expect(installable(app(icon), url)).toBe(false))
})

describe('what the API says', () => {
  const look = async (slug: string, token: string | null = world.alice.token) =>
    (await world.app.send(APP_OF_SITE, { slug }, { token })).data.artifact

  test('is where the manifest, the worker and the page for small screens are', async () => {
    const shop = await look('shop', null)
    const site = `http://shop.localhost:${new URL(world.app.url).port}/`
    expect(shop).toMatchObject({
      mobileUrl: `${world.app.url}/a/shop/?v=mobile`,
      liveVersion: {
        pwa: { installable: true, manifestUrl: `${site}manifest.json`, serviceWorkerUrl: `${site}sw.js` },
      },
    })
  })

  test('is nothing where there is none', async () => {
    expect(await look('plain')).toMatchObject({ mobileUrl: null, liveVersion: { pwa: null } })
  })

  test('is nothing to those who may not see the artifact', async () => {
    expect(await look('closed', (await signUp(world.app, 'eve')).token)).toBeNull()
  })
})

describe('the page for small screens', () => {
  test('is that of the version, in the sandbox where the API is', async () => {
    const own = await get(`${siteOf('shop')}/?v=mobile`)
    expect([own.status, own.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(own.text).toContain('<p>small</p>')
    const shared = await get(`${API}/a/shop/?v=mobile`)
    expect(shared.text).toContain('<p>small</p>')
    expect(shared.headers.get('content-security-policy')).toMatch(/^sandbox /)
    expect((await get(`${siteOf('shop')}/`)).text).not.toContain('small')
    expect((await get(`${siteOf('shop--v1')}/?v=mobile`)).text).toContain('<p>small</p>')
  })

  test('is 404 for a version without', async () => {
    expect((await get(`${siteOf('plain')}/?v=mobile`)).status).toBe(404)
    expect((await get(`${API}/a/plain/?v=mobile`)).status).toBe(404)
  })

  test('is the one of the version that is live', async () => {
    await world.publish('moving', [text('index.html')], { mobileHtml: 'first' })
    expect((await get(`${siteOf('moving')}/?v=mobile`)).text).toBe('first')
    await world.publish('moving', [text('index.html')], { mobileHtml: 'second' })
    expect((await get(`${siteOf('moving')}/?v=mobile`)).text).toBe('second')
    await world.publish('moving', [text('index.html')])
    expect((await get(`${siteOf('moving')}/?v=mobile`)).status).toBe(404)
  })
})
