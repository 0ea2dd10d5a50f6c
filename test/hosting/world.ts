/** A server with sites on it, and a client of theirs that sends what it is given, as it is. */
import http from 'node:http'
import type { FileInput } from '../generated/graphql.ts'
import { createTestApp } from '../support/app.ts'
import { type Person, publishSite, signUp } from '../support/people.ts'

/** Which port is named does not matter. */
export const API = 'http://localhost:4000'
export const siteOf = (name: string) => `http://${name}.localhost:4000`

export const SANDBOX = 'sandbox allow-scripts allow-forms allow-popups'
export const NAVIGATION = { accept: 'text/html,*/*;q=0.8', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
export const REVALIDATED = 'max-age=0, must-revalidate'
export const FOR_EVER = 'max-age=31536000, immutable'

/** `from`: the address of this machine that it comes from. */
export type Init = { method?: string; headers?: Record<string, string>; body?: string; from?: string }
export type SiteAnswer = { status: number; headers: Headers; bytes: Buffer; text: string }

export const text = (path: string, content = path) => ({ path, content })
export const binary = (path: string, content: Buffer) => ({
  path,
  content: content.toString('base64'),
  encoding: 'BASE64' as const,
})

export async function createSiteWorld(env: Record<string, string> = {}) {
  const app = await createTestApp(env)
  const port = Number(new URL(app.url).port)
  const alice = await signUp(app, 'alice')
  return {
    app,
    alice,
    get: (url: string, init?: Init) => get(port, url, init),
    publish: (slug: string, files: FileInput[], more: Parameters<typeof publishSite>[3] = {}) =>
      publishSite(app, slug, alice.token, { files, ...more }),
  }
}

export type SiteWorld = Awaited<ReturnType<typeof createSiteWorld>>

export const as = ({ token }: Pick<Person, 'token'>): Init => ({ headers: { authorization: `Bearer ${token}` } })

/** The path goes out as it stands in the URL: nothing is tidied, decoded or followed. */
export function get(
  port: number,
  url: string,
  { method = 'GET', headers = {}, body, from }: Init = {},
): Promise<SiteAnswer> {
  const [, host = '', path = ''] = /^http:\/\/([^/]*)(.*)$/s.exec(url) ?? []
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      path,
      method,
      headers: { ...headers, host },
      agent: false,
      localAddress: from,
    }
    const request = http.request(options, async (response) => {
      try {
        const chunks: Buffer[] = []
        for await (const chunk of response) chunks.push(chunk)
        const bytes = Buffer.concat(chunks)
        const pairs = Object.entries(response.headers).map(([name, value]): [string, string] => [name, String(value)])
        resolve({ status: response.statusCode ?? 0, headers: new Headers(pairs), bytes, text: bytes.toString() })
      } catch (error) {
        reject(error)
      }
    })
    request.on('error', reject).end(body)
  })
}
