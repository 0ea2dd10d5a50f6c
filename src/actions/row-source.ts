/** Where rows come from: an address that answers CSV or JSON, or a dataset. */
import { z } from 'zod'
import type { Delimiter } from '../data/csv.ts'
import { ParseError } from '../data/errors.ts'
import { formatOf } from '../data/format.ts'
import { PATH } from '../data/json.ts'
import { FORMATS, type ParseOptions, parseRows } from '../data/parse.ts'
import type { Egress } from '../egress/egress.ts'
import type { Issue } from '../kernel/errors.ts'
import { datasetRef, failureOfEffect, REF_HELP } from './dataset-refs.ts'
import type { Failure } from './driver.ts'
import type { Answer } from './http-call.ts'
import { EffectError, type Row } from './ports.ts'
import { headerIssues, headersField, urlField, urlIssues } from './request-spec.ts'
import { UnpackError, unpacked } from './unpack.ts'

const MAX_PATH_CHARS = 500
const delimiters = { COMMA: ',', SEMICOLON: ';', TAB: '\t' } as const satisfies Record<string, Delimiter>

export const sourceField = z
  .object({
    url: urlField.nullish().describe('Fetched with GET. Templates may stand behind the host.'),
    headers: headersField.unwrap().nullish().describe('Headers to send, name to value. Values may hold templates.'),
    format: z
      .enum(FORMATS)
      .nullish()
      .describe(
        'CSV has a header; JSON is an array of objects; NDJSON an object a line. All of them in UTF-8. Absent: as the answer’s media type says, or the extension of the address.',
      ),
    path: z
      .string()
      .max(MAX_PATH_CHARS)
      .regex(PATH, 'must be keys separated by dots, such as data.items')
      .nullish()
      .describe('Of JSON: the keys that lead to the array, `data.items`. Absent: it is the whole document.'),
    delimiter: z
      .enum(['COMMA', 'SEMICOLON', 'TAB'])
      .nullish()
      .describe('Of CSV. Absent: the one that is most often in the header.'),
    types: z
      .boolean()
      .nullish()
      .describe(
        'Of CSV: whether `12.5`, `true`, `null` and empty fields become numbers, booleans and null. Absent: all values stay texts, as CSV has them.',
      ),
    dataset: datasetRef.nullish().describe(`In the place of an address, the rows of a dataset: ${REF_HELP}`),
  })
  .describe('Where the rows come from: exactly one of url and dataset.')

export type Source = z.output<typeof sourceField>

const isGiven = (value: unknown) => value !== null && value !== undefined

/** What the shape cannot say; datasets are not looked for. */
export function sourceIssues(egress: Egress, source: Source): Issue[] {
  const { url, headers, format, path, dataset } = source
  if (isGiven(url) === isGiven(dataset))
    return [{ path: 'source', message: 'must have exactly one of url and dataset' }]
  const at = (issue: Issue) => ({ ...issue, path: `source.${issue.path}` })
  if (!isGiven(url)) {
    const fields = (['headers', 'format', 'path', 'delimiter', 'types'] as const).filter((field) =>
      isGiven(source[field]),
    )
    return fields.map((field) => at({ path: field, message: 'is for a url, not for a dataset' }))
  }
  const issues = [...urlIssues(egress, url ?? ''), ...headerIssues(headers ?? {})]
  if (isGiven(path) && isGiven(format) && format !== 'JSON') issues.push({ path: 'path', message: 'is for JSON only' })
  for (const field of ['delimiter', 'types'] as const) {
    if (isGiven(source[field]) && isGiven(format) && format !== 'CSV') {
      issues.push({ path: field, message: 'is for CSV only' })
    }
  }
  return issues.map(at)
}

/** @throws EffectError, UnpackError */
export function rowsOfAnswer(
  { headers, body }: Answer,
  source: Source & { url: string },
  maxBytes: number,
): AsyncIterable<Row[]> {
  const type = headers['content-type']
  const known = source.format ? { format: source.format } : formatOf(type, source.url)
  if (!known) {
    const says = type === undefined ? 'has no media type' : `is ${JSON.stringify(type)}`
    throw new EffectError('UNKNOWN_FORMAT', `the answer ${says}, and its address does not say more: give source.format`)
  }
  const options: ParseOptions = {
    ...{ maxBytes, path: source.path, types: source.types },
    ...known,
    ...(source.delimiter && { delimiter: delimiters[source.delimiter] }),
  }
  return parseRows(unpacked(body, headers['content-encoding']), options)
}

/** What is wrong with rows, or with where they go, as the failure of a step; anything else is thrown on. */
export function failureOfRows(error: unknown): Failure {
  if (error instanceof ParseError) return { code: error.code, message: error.message, transient: false }
  if (error instanceof UnpackError) return { code: 'ENCODING', message: error.message, transient: false }
  return failureOfEffect(error)
}
