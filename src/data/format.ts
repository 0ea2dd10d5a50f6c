/** What an answer is, by what it says of itself. */
import type { Delimiter } from './csv.ts'
import type { Format } from './parse.ts'

type Known = { format: Format; delimiter?: Delimiter }

const TSV: Known = { format: 'CSV', delimiter: '\t' }

const byType: Record<string, Known> = {
  'text/csv': { format: 'CSV' },
  'application/csv': { format: 'CSV' },
  'text/tab-separated-values': TSV,
  'application/json': { format: 'JSON' },
  'text/json': { format: 'JSON' },
  'application/x-ndjson': { format: 'NDJSON' },
  'application/ndjson': { format: 'NDJSON' },
  'application/jsonl': { format: 'NDJSON' },
  'application/x-jsonlines': { format: 'NDJSON' },
}

const byExtension: Record<string, Known> = {
  csv: { format: 'CSV' },
  tsv: TSV,
  json: { format: 'JSON' },
  ndjson: { format: 'NDJSON' },
  jsonl: { format: 'NDJSON' },
}

/** By its media type, or else by the extension of its address; null: neither says. */
export function formatOf(contentType: string | undefined, url: string): Known | null {
  const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? ''
  const extension = /\.([a-z]+)$/i.exec(new URL(url).pathname)?.[1]?.toLowerCase() ?? ''
  if (Object.hasOwn(byType, type)) return byType[type] ?? null
  if (type.endsWith('+json')) return { format: 'JSON' }
  return Object.hasOwn(byExtension, extension) ? (byExtension[extension] ?? null) : null
}
