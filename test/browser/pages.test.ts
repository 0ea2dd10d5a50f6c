/** What a person sees, in a real Chromium. Runs wherever the machine has one; CI makes sure that it does. */
import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../generated/index.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)

const PUBLISH = graphql(`
  mutation PublishForBrowser($files: [FileInput!]!) {
    publishArtifact(input: { name: "Clock", slug: "clock", files: $files }) {
      __typename
      ... on Artifact { url siteUrl }
    }
  }
`)

const FILES = [
  { path: 'index.html', content: '<link rel="stylesheet" href="style.css"><h1>off</h1><script src="app.js"></script>' },
  { path: 'style.css', content: 'h1 { color: rgb(1, 2, 3) }' },
  {
    path: 'app.js',
    content: `const mayStore = () => { try { localStorage.setItem('a', 'b'); return true } catch { return false } }
      document.querySelector('h1').textContent = 'script ran, storage ' + mayStore()`,
  },
]

describe.runIf(executablePath)('in Chromium', () => {
  let app: TestApp
  let browser: Browser

  beforeAll(async () => {
    app = await createTestApp()
    browser = await chromium.launch({
      executablePath: executablePath ?? '',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    })
  })
  afterAll(async () => {
    await browser.close()
    await app.stop()
  })

  async function open(url: string): Promise<{ page: Page; foreign: string[] }> {
    const page = await browser.newPage()
    const foreign: string[] = []
    page.on('request', (request) => {
      const { protocol, host } = new URL(request.url())
      if (protocol.startsWith('http') && host !== new URL(url).host) foreign.push(request.url())
    })
    await page.goto(url)
    return { page, foreign }
  }

  it('offers GraphiQL whose every file is its own, and which answers a query', async () => {
    const query = encodeURIComponent('{ viewer { handle } }')
    const { page, foreign } = await open(`${app.url}/graphql?query=${query}`)
    await page
      .getByRole('button', { name: /headers/i })
      .first()
      .click()
    await page.locator('.graphiql-editor-tool .monaco-editor, .graphiql-editor-tool .CodeMirror').last().click()
    await page.keyboard.insertText(JSON.stringify({ authorization: `Bearer ${ADMIN_TOKEN}` }))
    await page.getByRole('button', { name: /execute query/i }).click()
    await page.locator('.result-window').getByText('admin').first().waitFor()
    expect(foreign).toEqual([])
    await page.close()
  })

  it('runs a site with all of its rights on its own origin, and without them on that of the API', async () => {
    const { data } = await app.send(PUBLISH, { files: FILES })
    if (data.publishArtifact.__typename !== 'Artifact') throw new Error('not published')
    const { url, siteUrl } = data.publishArtifact

    const { page: site } = await open(siteUrl)
    await site.getByText('script ran, storage true').waitFor()
    expect(await site.locator('h1').evaluate((heading) => getComputedStyle(heading).color)).toBe('rgb(1, 2, 3)')
    await site.close()

    const { page: viewer } = await open(url)
    const frame = viewer.frameLocator('iframe')
    await frame.getByText('script ran, storage false').waitFor()
    expect(await frame.locator('h1').evaluate((heading) => getComputedStyle(heading).color)).toBe('rgb(1, 2, 3)')
    await viewer.close()
  })
})
