/** A part of a file, as RFC 9110 §14 asks for it. Pure. */
import type { IncomingHttpHeaders } from 'node:http'

/** From the first byte to before the last. */
export type Span = { start: number; end: number }

const DIGITS_LIMIT = 15

/**
 * The one range of a `Range` header; null where the whole file is to be sent (no header, other units, a form that is
 * not valid, several ranges); 'unsatisfiable' where nothing of it is there.
 */
export function rangeOf(header: string | undefined, size: number): Span | null | 'unsatisfiable' {
  const [, first = '', last = ''] = /^bytes[ \t]*=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header ?? '') ?? []
  if (Math.max(first.length, last.length) > DIGITS_LIMIT) return null
  if (first === '') {
    if (last === '') return null
    const length = Math.min(Number(last), size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size }
  }
  if (last !== '' && Number(last) < Number(first)) return null
  if (Number(first) >= size) return 'unsatisfiable'
  return { start: Number(first), end: last === '' ? size : Math.min(Number(last) + 1, size) }
}

/** Whether `If-Range` lets a range be sent: without it, or with exactly this strong tag; we send no dates. */
export const rangeStillFits = ({ 'if-range': given }: IncomingHttpHeaders, etag: string): boolean =>
  given === undefined || given === etag
