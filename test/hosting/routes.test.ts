import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { artifactUrl, siteNames, siteUrl } from '../../src/hosting/addresses.ts'
import { ADMIN_TOKEN } from '../support/app.ts'
import { issueToken, type Person, signUp } from '../support/people.ts'
import { DELETE_SITE, ROLL_SITE_BACK } from './operations.ts'
import { API, as, binary, createSiteWorld, type Init, SANDBOX, type SiteWorld, siteOf, text } from './world.ts'

const SITE = siteOf('demo')
const PIXEL = Buffer.from('89504e470d0a1a0a00ff', 'hex')

let world: SiteWorld
let bob: Person
let narrow: { token: string }

beforeAll(async () => {
  world = await createSiteWorld()
  const { app, alice, publish } = world
  bob = await signUp(app, 'bob')
  narrow = await issueToken(app, alice.token, { scopes: ['jobs:read'] })
  const files = [
    text('index.html', '<h1>home</h1>'),
    text('main.css', 'h1 { color: red }'),
    text('app.mjs'),
    text('data.json', '{}'),
    text('docs/index.html'),
    text('docs/404.html'),
    text('404.html'),
    text('a b/ü?#%.txt'),
    text('sub/deep/page.html'),
    text('empty.txt', ''),
    binary('pixel.png', PIXEL),
    { ...text('legacy.txt'), mime: 'text/plain; charset=latin1' },
  ]
  await publish('demo', files, { name: 'Demo <&"\'> page' })
  await publish('bare', [text('start.htm', 'the start')], { entrypoint: 'start.htm' })
  await publish('secret', [text('index.html', 'for alice')], { visibility: 'PRIVATE' })
  await publish('hidden', [text('index.html', 'unlisted')], { visibility: 'UNLISTED' })
})
afterAll(() => world?.app.stop())

const get = (url: string, init?: Init) => world.get(url, init)
const status = async (url: string, init?: Init) => (await get(url, init)).status
/** All headers but those of the connection and of the one answer. */
const told = ({ headers }: { headers: Headers }) =>
  [...headers].filter(([name]) => !['x-request-id', 'date'].includes(name))
const body = async (url: string) => (await get(url)).text

describe('the site on its own origin', () => {
  test('answers its entrypoint at the root', async () => {
    const response = await get(`${SITE}/`)
    expect([response.status, response.text]).toEqual([200, '<h1>home</h1>'])
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(response.headers.get('cache-control')).toBe('max-age=0, must-revalidate')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(response.headers.get('content-security-policy')).toBeNull()
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
    expect(await body('http://bare.localhost:4000/')).toBe('the start')
  })

  test('answers files, byte for byte, with their types', async () => {
    const type = async (path: string) => (await get(`${SITE}/${path}`)).headers.get('content-type')
    expect(await type('main.css')).toBe('text/css; charset=utf-8')
    expect(await type('app.mjs')).toBe('text/javascript; charset=utf-8')
    expect(await type('data.json')).toBe('application/json; charset=utf-8')
    expect(await type('pixel.png')).toBe('image/png')
    expect(await type('legacy.txt')).toBe('text/plain; charset=latin1')
    const pixel = await get(`${SITE}/pixel.png`)
    expect(pixel.bytes.equals(PIXEL)).toBe(true)
    expect(await body(`${SITE}/empty.txt`)).toBe('')
  })

  test('a folder answers its index.html', async () => {
    expect(await body(`${SITE}/docs/`)).toBe('docs/index.html')
    expect(await body(`${SITE}/docs/?a=b`)).toBe('docs/index.html')
    expect(await status(`${SITE}/sub/`)).toBe(404)
  })

  test('follows the newest deployment', async () => {
    const { app, alice, publish } = world
    const read = () => body(`${siteOf('moving')}/`)
    const { id: artifactId } = await publish('moving', [text('index.html', 'one')])
    await publish('moving', [text('index.html', 'two')])
    expect(await read()).toBe('two')
    await app.send(ROLL_SITE_BACK, { artifactId, versionNo: 1 }, alice)
    expect(await read()).toBe('one')
    await app.send(DELETE_SITE, { artifactId }, alice)
    expect(await status(`${siteOf('moving')}/`)).toBe(404)
  })

  test('a path under /a/ is the site’s own there', async () => {
    expect((await get(`${SITE}/a/demo/`)).status).toBe(404)
  })
})

describe('the viewer page', () => {
  test('is found without its slash too', async () => {
    for (const method of ['GET', 'HEAD']) {
      const response = await get(`${API}/a/demo?_raw&x=1`, { method })
      expect([response.status, response.headers.get('location')]).toEqual([308, '/a/demo/?_raw&x=1'])
    }
  })

  test('shows name, slug and the site in a frame without rights', async () => {
    const response = await get(`${API}/a/demo/`)
    const html = response.text
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(html).toContain('<title>Demo &lt;&amp;&quot;&#39;&gt; page</title>')
    expect(html).not.toContain('<&')
    expect(html).toContain('<code>demo</code>')
    expect(html).toContain('src="/a/demo/?_raw" sandbox="allow-scripts allow-forms allow-popups"')
  })

  test('runs no script but its own, and shows nothing but its site', async () => {
    const { headers, text } = await get(`${API}/a/demo/`)
    const policy = headers.get('content-security-policy') ?? ''
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/=]+'; script-src 'sha256-[\w+/=]+';/)
    expect(policy).toContain(`; frame-src localhost:4000/a/demo/; frame-ancestors 'none';`)
    expect(policy).not.toContain('unsafe')
    const [, script = ''] = /<script type="module">(.*)<\/script>/s.exec(text) ?? []
    expect(policy).toContain(createHash('sha256').update(script).digest('base64'))
  })

  test('HEAD has no body', async () => {
    const response = await get(`${API}/a/demo/`, { method: 'HEAD' })
    expect([response.status, response.text]).toEqual([200, ''])
  })
})

describe('files on the API’s origin', () => {
  test('come in a sandbox and may be read by the sandboxed page', async () => {
    for (const path of ['?_raw', 'main.css', 'main.css?_raw', 'docs/', 'index.html', 'pixel.png', 'no/such']) {
      const { headers } = await get(`${API}/a/demo/${path}`)
      expect([path, headers.get('content-security-policy')]).toEqual([path, SANDBOX])
      expect([path, headers.get('access-control-allow-origin')]).toEqual([path, '*'])
      expect([path, headers.get('x-content-type-options')]).toEqual([path, 'nosniff'])
    }
    expect(await body(`${API}/a/demo/?_raw`)).toBe('<h1>home</h1>')
    expect(await body(`${API}/a/demo/docs/`)).toBe('docs/index.html')
    expect(await body(`${API}/a/hidden/?_raw`)).toBe('unlisted')
  })

  test('of an unknown slug are 404', async () => {
    for (const path of [
      'nobody/',
      'nobody/?_raw',
      'nobody/x.css',
      '',
      'UPPER/',
      'demo--v2/',
      'demo--v0/',
      '%00/',
      `${'x'.repeat(51)}/`,
    ]) {
      expect([path, await status(`${API}/a/${path}`)]).toEqual([path, 404])
    }
    expect(await status('http://nobody.localhost:4000/')).toBe(404)
    expect(await status('http://demo--v2.localhost:4000/')).toBe(404)
    expect(await status('http://a.demo.localhost:4000/')).toBe(404)
    expect(await status(`${API}/other`)).toBe(404)
  })
})

describe('paths', () => {
  test('are percent-decoded once', async () => {
    expect(await body(`${SITE}/a%20b/%C3%BC%3F%23%25.txt`)).toBe('a b/ü?#%.txt')
    expect(await body(`${SITE}/m%61in.css`)).toBe('h1 { color: red }')
    expect(await body(`${SITE}/docs%2Findex.html`)).toBe('docs/index.html')
    expect(await status(`${SITE}/m%2561in.css`)).toBe(404)
  })

  test('that cannot be decoded are 400', async () => {
    for (const path of ['%', '%zz', '%c3', 'main.css%', '%ff%fe', '%ed%a0%80']) {
      expect([path, await status(`${SITE}/${path}`)]).toEqual([path, 400])
      expect([path, await status(`${API}/a/demo/${path}`)]).toEqual([path, 400])
    }
  })

  test('that no file can have are 404', async () => {
    const paths = ['..%2fmain.css', 'docs/..%2Fmain.css', 'x/%2e%2e%2fmain.css', '%00', 'main.css%00', '.%2fmain.css']
    for (const path of [...paths, '%2fmain.css', '/main.css', 'docs//index.html', '..%5cmain.css', 'x'.repeat(2000)]) {
      expect([path, await status(`${SITE}/${path}`)]).toEqual([path, 404])
      expect([path, await status(`${API}/a/demo/${path}`)]).toEqual([path, 404])
    }
  })
})

describe('missing files', () => {
  test('are answered by the nearest 404.html', async () => {
    for (const [path, body] of [
      ['docs/none', 'docs/404.html'],
      ['docs/a/b/none.html', 'docs/404.html'],
      ['none', '404.html'],
      ['sub/deep/none/', '404.html'],
    ]) {
      const response = await get(`${SITE}/${path}`)
      expect([path, response.status, response.text]).toEqual([path, 404, body])
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
      expect(response.headers.get('etag')).toBeNull()
    }
    expect(await status(`${SITE}/none`, { headers: { 'if-none-match': '*' } })).toBe(404)
    expect(await status(`${SITE}/404.html`)).toBe(200)
  })

  test('are a plain 404 where there is none', async () => {
    const response = await get('http://bare.localhost:4000/none')
    expect([response.status, response.headers.get('content-type')]).toEqual([404, 'text/plain; charset=utf-8'])
  })
})

describe('conditions and methods', () => {
  test('a file that is there already is not sent again', async () => {
    const etag = (await get(`${SITE}/main.css`)).headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[0-9a-f]{64}"$/)
    for (const given of [etag, `W/${etag}`, `"x", ${etag}`, `"a,b",W/${etag} , "y"`, '*', ' * ']) {
      const response = await get(`${SITE}/main.css`, { headers: { 'if-none-match': given } })
      expect([given, response.status, response.text]).toEqual([given, 304, ''])
      expect(response.headers.get('etag')).toBe(etag)
    }
    for (const given of ['"x"', etag.slice(1, -1), `"${etag.slice(2)}`, '']) {
      expect([given, await status(`${SITE}/main.css`, { headers: { 'if-none-match': given } })]).toEqual([given, 200])
    }
    const raw = await get(`${API}/a/demo/main.css`, { headers: { 'if-none-match': etag } })
    expect([raw.status, raw.headers.get('content-security-policy')]).toEqual([304, SANDBOX])
  })

  test('HEAD says what GET would, without the body', async () => {
    for (const path of ['main.css', '', 'none', 'docs/none']) {
      const [head, whole] = await Promise.all([get(`${SITE}/${path}`, { method: 'HEAD' }), get(`${SITE}/${path}`)])
      expect([path, head.status, told(head)]).toEqual([path, whole.status, told(whole)])
      expect(head.text).toBe('')
      expect(head.headers.get('content-length')).toBe(String(whole.bytes.length))
    }
  })

  test('other methods are refused', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      for (const url of [`${SITE}/`, `${API}/a/demo/`, `${API}/a/demo/main.css`]) {
        const response = await get(url, { method })
        expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
      }
    }
  })
})

describe('private sites', () => {
  const urls = ['http://secret.localhost:4000/', `${API}/a/secret/`, `${API}/a/secret/?_raw`, `${API}/a/secret/none`]

  test('are 401 without credentials or with bad ones', async () => {
    for (const url of urls) {
      for (const init of [{}, as({ token: 'rst_wrong' }), { headers: { authorization: 'Basic YTpi' } }]) {
        const response = await get(url, init)
        expect([url, response.status, response.headers.get('www-authenticate')]).toEqual([url, 401, 'Bearer'])
        expect(response.text).not.toContain('for alice')
      }
    }
  })

  test('are 403 to somebody else and to a token without the scope', async () => {
    for (const url of urls) {
      expect([url, await status(url, as(bob)), await status(url, as(narrow))]).toEqual([url, 403, 403])
    }
  })

  test('are shown to their owner and to administrators, and kept by no shared cache', async () => {
    for (const url of urls) {
      for (const owner of [world.alice, { token: ADMIN_TOKEN }]) {
        const response = await get(url, as(owner))
        expect([url, response.status]).toEqual([url, url.endsWith('none') ? 404 : 200])
        if (response.status === 200)
          expect(response.headers.get('cache-control')).toMatch(/^private, no-(cache|store)$/)
      }
    }
    expect((await get(urls[0] ?? '', as(world.alice))).text).toBe('for alice')
  })

  test('credentials do not matter to what anyone may see', async () => {
    expect(await status(`${SITE}/`, as({ token: 'rst_wrong' }))).toBe(200)
    expect(await status(`${API}/a/demo/`, as({ token: 'rst_wrong' }))).toBe(200)
  })
})

describe('addresses', () => {
  test('are those that are served', () => {
    expect(artifactUrl('https://runsheet.example', 'demo')).toBe('https://runsheet.example/a/demo/')
    expect(artifactUrl('https://runsheet.example/base/', 'demo')).toBe('https://runsheet.example/base/a/demo/')
    expect(siteUrl('https://runsheet.example/', 'sites.example', 'demo')).toBe('https://demo.sites.example/')
    expect(siteUrl(API, 'localhost:4000', 'demo')).toBe(`${SITE}/`)
  })
})

describe('hosts', () => {
  test('below the sites’ domain are sites, whatever the port and the case', () => {
    const siteName = siteNames(API, 'localhost:4000')
    expect(['demo.localhost:4000', 'Demo.LOCALHOST', 'demo.localhost.:80'].map(siteName)).toEqual(Array(3).fill('demo'))
    for (const host of [
      'localhost:4000',
      'localhost',
      '127.0.0.1:4000',
      '[::1]:4000',
      'demolocalhost',
      'demo.example',
      '',
    ]) {
      expect([host, siteName(host)]).toEqual([host, null])
    }
  })

  test('never belong to the API there, but for its own', () => {
    const siteName = siteNames('https://api.example.org/', 'example.org')
    expect(siteName('api.example.org')).toBeNull()
    expect(siteName('demo--v1.example.org')).toBe('demo--v1')
    expect(siteName('a.b.example.org')).toBe('a.b')
  })
})
