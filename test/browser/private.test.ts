/** A private site, and an app, as people have them in a real Chromium. Runs wherever the machine has one. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { crc32, deflateSync } from 'node:zlib'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { uuidOf } from '../../src/kernel/ids.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { issueToken, type Person, publishSite, query, signUp } from '../support/people.ts'

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)

const FOLDERS = ['a', 'b/deep', 'c/deeper/still']
/** Each adds one to what the page counts, and says where it is. */
const PARTS = FOLDERS.flatMap((folder) => Array.from({ length: 166 }, (_, n) => `${folder}/part${n}.js`))

/** What the page says when all of them have come. */
const WHOLE = `${PARTS.length} parts`

/** More than 500. */
const FILES = [
  {
    path: 'index.html',
    content: `<!doctype html><html><head><title>Parts</title><link rel="stylesheet" href="css/main.css"></head>
      <body><h1>none</h1><p id="token">no token</p><script type="module" src="main.js"></script></body></html>`,
  },
  { path: 'css/main.css', content: '@import "more/colour.css";' },
  { path: 'css/more/colour.css', content: 'h1 { color: rgb(1, 2, 3) }' },
  {
    path: 'main.js',
    content: `${PARTS.map((part, n) => `import n${n} from './${part}'`).join('\n')}
      document.querySelector('h1').textContent = [${PARTS.map((_, n) => `n${n}`)}].length + ' parts'
      addEventListener('message', ({ data }) => {
        if (data.type === 'runsheet:data-token') document.querySelector('#token').textContent = data.token.slice(0, 4)
      })
      parent.postMessage({ type: 'runsheet:data-token-request' }, '*')`,
  },
  ...PARTS.map((part) => ({ path: part, content: 'export default 1' })),
]

/** A white square, as small as it can be. */
function png(pixels: number): string {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data])
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(data.length)
    sum.writeUInt32BE(crc32(body))
    return Buffer.concat([length, body, sum])
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(pixels, 0)
  head.writeUInt32BE(pixels, 4)
  head[8] = 8
  const rows = Buffer.alloc((pixels + 1) * pixels)
  const content = [
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]
  return `data:image/png;base64,${Buffer.concat(content).toString('base64')}`
}

/** Browsers look for a new worker a while after a page has loaded. */
const PATIENTLY = { timeout: 15_000 }

describe.runIf(executablePath)('in Chromium', () => {
  let app: TestApp
  let alice: Person
  let folder: string
  let context: BrowserContext

  const siteUrl = (slug: string) => `http://${slug}.localhost:${new URL(app.url).port}/`

  beforeAll(async () => {
    app = await createTestApp()
    alice = await signUp(app, 'alice')
    const pwa = { enabled: true, name: 'Parts', icon: png(192) }
    await publishSite(app, 'parts', alice.token, { files: FILES, pwa, visibility: 'PRIVATE' })
    await publishSite(app, 'open', alice.token, { files: FILES })
  })
  afterAll(() => app.stop())

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'runsheet-browser-'))
    // An app can be installed from a profile that is kept only.
    context = await chromium.launchPersistentContext(folder, {
      executablePath: executablePath ?? '',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
    })
  })
  afterEach(async () => {
    await context.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function signIn(page: Page, url: string, token: string) {
    await page.goto(url)
    await page.getByLabel('Token').fill(token)
    await page.getByRole('button', { name: 'Sign in' }).click()
  }

  const colourOf = (heading: Element) => getComputedStyle(heading).color

  it('shows a private site of many files after sign-in, in its frame, which gets a data token', async () => {
    const page = await context.newPage()
    await signIn(page, `${app.url}/a/parts/`, alice.token)
    const frame = page.frameLocator('iframe')
    await frame.getByText(WHOLE).waitFor()
    expect(await frame.locator('h1').evaluate(colourOf)).toBe('rgb(1, 2, 3)')
    await frame.getByText('rsd_').waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Token').waitFor()
  })

  it('lets nobody sign in with a wrong token, or with one that has ended', async () => {
    const page = await context.newPage()
    await signIn(page, siteUrl('parts'), 'nonsense')
    await page.getByRole('alert').waitFor()
    const { id, token } = await issueToken(app, alice.token)
    await signIn(page, siteUrl('parts'), token)
    await page.getByText(WHOLE).waitFor()
    await query(app, 'update api_token set revoked_at = now() where id = $1::uuid', [uuidOf('ApiToken', id)])
    expect((await page.goto(`${siteUrl('parts')}css/main.css`))?.status()).toBe(401)
    await page.getByLabel('Token').waitFor()
  })

  it('gives the frame of a public site a data token only when somebody signed in', async () => {
    const page = await context.newPage()
    await page.goto(`${app.url}/a/open/`)
    const frame = page.frameLocator('iframe')
    await frame.getByText(WHOLE).waitFor()
    await page.waitForLoadState('networkidle')
    expect(await frame.locator('#token').textContent()).toBe('no token')
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByLabel('Token').fill(alice.token)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await frame.getByText('rsd_').waitFor()
  })

  it('keeps the files of the newest version of an app only, and no page that asks for a token', async () => {
    const publish = (said: string) =>
      publishSite(app, 'news', alice.token, {
        files: [{ path: 'index.html', content: `<h1>${said}</h1>` }],
        pwa: { enabled: true },
        visibility: 'PRIVATE',
      })
    await publish('first')
    const page = await context.newPage()
    await signIn(page, siteUrl('news'), alice.token)
    await page.getByText('first').waitFor()
    const kept = () =>
      page.evaluate(async () => {
        const caches = globalThis.caches
        const names = await caches.keys()
        const pages = await Promise.all(names.map((name) => caches.match('/', { cacheName: name })))
        return Promise.all(pages.map((answer) => answer?.text()))
      })
    await expect.poll(kept, PATIENTLY).toEqual([expect.stringContaining('first')])
    await publish('second')
    await page.reload()
    await page.getByText('second').waitFor()
    await expect.poll(kept, PATIENTLY).toEqual([expect.stringContaining('second')])

    await page.goto(`${siteUrl('news')}.runsheet/sign-out`)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Token').waitFor()
    await page.goto(siteUrl('news'))
    await page.getByLabel('Token').waitFor()
    expect(await kept()).toEqual([])
  })

  it('installs an app of a private site, which opens without the server', async () => {
    const own = await createTestApp()
    try {
      const { token } = await signUp(own, 'bob')
      const pwa = { enabled: true, name: 'Parts', icon: png(192) }
      await publishSite(own, 'parts', token, { files: FILES, pwa, visibility: 'PRIVATE' })
      const url = `http://parts.localhost:${new URL(own.url).port}/`
      const page = await context.newPage()
      await signIn(page, url, token)
      await page.getByText(WHOLE).waitFor()
      await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined))
      const devTools = await context.newCDPSession(page)
      expect((await devTools.send('Page.getInstallabilityErrors')).installabilityErrors).toEqual([])

      await own.stop()
      await page.goto(`${url}?offline`)
      await page.getByText(WHOLE).waitFor()
      expect(await page.locator('h1').evaluate(colourOf)).toBe('rgb(1, 2, 3)')
    } finally {
      await own.stop()
    }
  })
})
