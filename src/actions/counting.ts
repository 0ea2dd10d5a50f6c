/** What passes through a step, counted on its way, so that the step can say how far it is. */
import type { StepReport } from '../runs/reporting.ts'
import type { Answer } from './http-call.ts'
import type { Row } from './ports.ts'

/** Rows, each batch told as progress. `share`: how much of where they come from has been read, from 0 to 1. */
export async function* telling(
  rows: AsyncIterable<Row[]>,
  report: StepReport,
  share: () => number | null,
): AsyncGenerator<Row[]> {
  let done = 0
  for await (const batch of rows) {
    done += batch.length
    report.progress({ fraction: share(), done, message: 'rows read' })
    yield batch
  }
}

/** The body of an answer, and how much of it has come; null where the answer does not say how long it is. */
export function measured({ headers, body }: Answer): { body: Answer['body']; share(): number | null } {
  const length = Number(headers['content-length'] ?? 0)
  let bytes = 0
  async function* counted() {
    for await (const chunk of body) {
      bytes += chunk.length
      yield chunk
    }
  }
  return { body: counted(), share: () => (length > 0 ? bytes / length : null) }
}
