/** What there is to say, in each of the formats of Boozles: JSON, XML of two types, and plain text. */
import type { Offer } from '../negotiate.ts'
import type { JobView } from './job-view.ts'
import { element, isSayable, parent } from './xml-out.ts'

export const JSON_TYPE = 'application/json'
export const XML_TYPES = ['text/xml', 'application/xml'] as const
export const PLAIN_TYPE = 'text/plain'

export type Format = typeof JSON_TYPE | (typeof XML_TYPES)[number] | typeof PLAIN_TYPE

/** Of whole documents; the first is the one for those who do not say. */
export const DOCUMENT_OFFERS: Offer<Format>[] = [{ type: JSON_TYPE }, ...XML_TYPES.map((type) => ({ type }))]

/** Where plain text says enough, as of what is wrong. It is for those only who ask for it by its name. */
export const SHORT_OFFERS: Offer<Format>[] = [...DOCUMENT_OFFERS, { type: PLAIN_TYPE, onlyNamed: true }]

/** A job, the ids of jobs, or what is wrong. */
export type Document = { job: JobView } | { ids: readonly string[] } | { error: string }

function json(document: Document): string {
  if ('job' in document) return JSON.stringify(document.job)
  return JSON.stringify('ids' in document ? document.ids : document)
}

function xml(document: Document): string {
  if ('job' in document) return parent('job', Object.entries(sayable(document.job)))
  if ('error' in document) return element('error', document.error)
  const ids = document.ids.map((id) => ['id', id] as const)
  return parent('jobs', ids)
}

/** Data that XML cannot say is in base64, as data that is no text is in every format. */
const sayable = ({ ...job }: JobView): JobView => {
  if (job.data !== undefined && !isSayable(job.data)) job.data = Buffer.from(job.data).toString('base64')
  return job
}

/** One line, or none. */
function plain(document: Document): string {
  if ('job' in document) return document.job.id
  return 'ids' in document ? document.ids.join(',') : document.error.replace(/\s+/g, ' ')
}

const textOf = (document: Document, format: Format): string => {
  if (format === JSON_TYPE) return json(document)
  return format === PLAIN_TYPE ? plain(document) : xml(document)
}

/** The whole answer, with its length. */
export function answer(
  document: Document,
  format: Format,
  { status, headers }: { status: number; headers?: Record<string, string> },
): Response {
  const bytes = Buffer.from(textOf(document, format))
  const own = {
    'content-type': `${format}; charset=utf-8`,
    'content-length': String(bytes.length),
    vary: 'Accept',
  }
  return new Response(bytes, { status, headers: { ...headers, ...own } })
}
