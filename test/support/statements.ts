/** The SQL statements that the server sends for one request, which is told from all others by its id. */
import pg from 'pg'
import { currentRequest } from '../../src/kernel/request.ts'

const ID = 'counted'

/** Every text that is sent to PostgreSQL while `work` goes on. */
async function watching<Answer>(onText: (text: string) => void, work: () => Promise<Answer>): Promise<Answer> {
  const { query } = pg.Client.prototype
  pg.Client.prototype.query = function (this: pg.Client, ...args: never[]) {
    const [config] = args as unknown as [string | { text: string }]
    onText(typeof config === 'string' ? config : config.text)
    return query.apply(this, args as never) as never
  } as typeof query
  try {
    return await work()
  } finally {
    pg.Client.prototype.query = query
  }
}

/** What `ask` answers, and the texts that it cost. `ask` sends one request, with these headers. */
export async function withStatements<Answer>(
  ask: (headers: Record<string, string>) => Promise<Answer>,
): Promise<{ answer: Answer; statements: string[] }> {
  const statements: string[] = []
  const answer = await watching(
    (text) => currentRequest.getStore()?.id === ID && statements.push(text),
    () => ask({ 'x-request-id': ID }),
  )
  return { answer, statements }
}

/** How many statements that match this process sends while `work` goes on. */
export async function countStatements(pattern: RegExp, work: () => Promise<unknown>): Promise<number> {
  let count = 0
  await watching((text) => {
    if (pattern.test(text)) count++
  }, work)
  return count
}

/** Of the texts that one request cost: how many there are, and how many of them write or begin a transaction. */
export const costOf = (statements: readonly string[]) => ({
  statements: statements.length,
  writes: statements.filter((text) => /^\s*begin\b|\b(insert into|update|delete from) "?[a-z]/i.test(text)).length,
})
