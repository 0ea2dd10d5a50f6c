/** A whole server on a database of its own, and a client for it. */
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { type App, createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { createLog } from '../../src/kernel/log.ts'
import type { TypedDocumentString } from '../generated/graphql.ts'
import { createTestConnection } from './database.ts'

export const ADMIN_TOKEN = 'test-administrator-token'

export type Answer<Data> = { data: Data; errors?: { message: string; extensions: Record<string, unknown> }[] }

export type TestApp = App & {
  databaseUrl: string
  /** Sends an operation over HTTP, as the administrator unless another token, or null for nobody, is given. */
  send<Data, Variables>(
    document: TypedDocumentString<Data, Variables>,
    variables?: Variables,
    options?: { token?: string | null },
  ): Promise<Answer<Data>>
  /** Subscribes over WebSocket; `return()` ends it. */
  watch<Data, Variables>(
    document: TypedDocumentString<Data, Variables>,
    variables?: Variables,
    options?: { token?: string },
  ): AsyncIterableIterator<Data>
}

export async function createTestApp(
  env: Record<string, string> = {},
  log = createLog(process.env.LOG_LEVEL ?? 'fatal'),
): Promise<TestApp> {
  const { user, password, host, port, database } = await createTestConnection()
  const databaseUrl = env.DATABASE_URL ?? `postgresql://${user}:${password}@${host}:${port}/${database}`
  const config = readConfig({
    ADMIN_TOKEN,
    DATABASE_URL: databaseUrl,
    EGRESS_ALLOW_CIDRS: '127.0.0.0/8',
    PORT: '0',
    SECRET_KEY: '0'.repeat(64),
    DRAIN_SECONDS: '1',
    ...env,
  })
  const app = await createApp(config, log)
  const clients = new Set<{ dispose(): unknown }>()

  return {
    ...app,
    databaseUrl,
    async send(document, variables, { token = ADMIN_TOKEN } = {}) {
      const response = await fetch(`${app.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(token !== null && { authorization: `Bearer ${token}` }) },
        body: JSON.stringify({ query: document.toString(), variables }),
      })
      return (await response.json()) as Answer<never>
    },
    watch(document, variables, { token = ADMIN_TOKEN } = {}) {
      const client = createClient({
        url: `${app.url.replace('http', 'ws')}/graphql`,
        webSocketImpl: WebSocket,
        connectionParams: { authorization: `Bearer ${token}` },
        retryAttempts: 0,
      })
      clients.add(client)
      const results = client.iterate<Record<string, unknown>>({
        query: document.toString(),
        variables: variables as never,
      })
      return dataOf(results) as AsyncIterableIterator<never>
    },
    async stop() {
      await Promise.all([...clients].map((client) => client.dispose()))
      await app.stop()
    },
  }
}

async function* dataOf<Data>(results: AsyncIterableIterator<{ data?: Data | null; errors?: unknown }>) {
  for await (const { data, errors } of results) {
    if (errors) throw new Error(JSON.stringify(errors))
    yield data as Data
  }
}
