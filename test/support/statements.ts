/** The SQL statements that the server sends for one request, which is told from all others by its id. */
import pg from 'pg'
import { currentRequest } from '../../src/kernel/request.ts'

const ID = 'counted'

/** What `ask` answers, and the texts that it cost. `ask` sends one request, with these headers. */
export async function withStatements<Answer>(
  ask: (headers: Record<string, string>) => Promise<Answer>,
): Promise<{ answer: Answer; statements: string[] }> {
  const { query } = pg.Client.prototype
  const statements: string[] = []
  pg.Client.prototype.query = function (this: pg.Client, ...args: never[]) {
    const [config] = args as unknown as [string | { text: string }]
    if (currentRequest.getStore()?.id === ID) statements.push(typeof config === 'string' ? config : config.text)
    return query.apply(this, args as never) as never
  } as typeof query
  try {
    return { answer: await ask({ 'x-request-id': ID }), statements }
  } finally {
    pg.Client.prototype.query = query
  }
}
