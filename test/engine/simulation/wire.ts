/**
 * A statement with others before it that answer nothing, in one round trip: those must have been prepared under their
 * names. Works beneath pg's own query, which sees its part of the answer only.
 */
import pg from 'pg'

export type Preamble = { name: string; values: string[] }
export type Statement = { name: string; text: string; values: unknown[] }
export type Answer = { rows: Record<string, unknown>[] } | { error: Error }

/** What of pg's connection and query is not in its types. */
type Wire = {
  stream: { cork(): void; uncork(): void }
  bind(portal: { statement: string; values: string[] }): void
  execute(portal: object): void
}
type Inner = Record<
  'handleRowDescription' | 'handleDataRow' | 'handleCommandComplete' | 'handleError',
  (message: unknown, wire: Wire) => void
> & { submit(wire: Wire): Error | null; handleReadyForQuery(wire: Wire): void; handleEmptyQuery(wire: Wire): void }

export function send(client: pg.Client, preambles: Preamble[], statement: Statement): Promise<Answer> {
  return new Promise((resolve) => {
    const answered = (error: Error | undefined, result: { rows: Record<string, unknown>[] }) =>
      resolve(error ? { error } : { rows: result.rows })
    const inner = new pg.Query({ ...statement }, answered) as unknown as Inner
    let ahead = preambles.length
    const outer = {
      ...{ name: statement.name, text: statement.text },
      submit(wire: Wire) {
        wire.stream.cork()
        for (const { name, values } of preambles) {
          wire.bind({ statement: name, values })
          wire.execute({})
        }
        const error = inner.submit(wire)
        wire.stream.uncork()
        return error
      },
      handleCommandComplete(message: unknown, wire: Wire) {
        if (ahead > 0) ahead--
        else inner.handleCommandComplete(message, wire)
      },
      handleRowDescription: (message: unknown, wire: Wire) => inner.handleRowDescription(message, wire),
      handleDataRow: (message: unknown, wire: Wire) => inner.handleDataRow(message, wire),
      handleEmptyQuery: (wire: Wire) => inner.handleEmptyQuery(wire),
      handleError: (message: unknown, wire: Wire) => inner.handleError(message, wire),
      handleReadyForQuery: (wire: Wire) => inner.handleReadyForQuery(wire),
    }
    client.query(outer as unknown as pg.Submittable)
  })
}
