/** Boozles as its clients see it: texts in, texts out. */
import type { TestApp } from '../../support/app.ts'
import type { Person } from '../../support/people.ts'

export type Sent = {
  token?: string | null
  accept?: string
  type?: string | null
  body?: string | Uint8Array
  headers?: Record<string, string>
}

/** Sends `GET /1/jobs`; a body is JSON unless `type` says otherwise, or null that nothing is said. */
export const clientOf =
  (app: Pick<TestApp, 'url'>, person: Person) =>
  async (route: string, { token = person.token, accept, type = 'application/json', body, headers }: Sent = {}) => {
    const [method = '', path = ''] = route.split(' ')
    const response = await fetch(app.url + path, {
      method,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(accept !== undefined && { accept }),
        ...(body !== undefined && type !== null && { 'content-type': type }),
        ...headers,
      },
      // A view of bytes says no type by itself.
      ...(body !== undefined && { body: Buffer.from(body) }),
    })
    return { status: response.status, headers: response.headers, text: await response.text() }
  }

export type Client = ReturnType<typeof clientOf>

/** A job that is made. */
export const HOOK = 'https://example.com/my-callback'
export const CRON = { url: HOOK, cron: '0 15 10 ? * *' }
