/**
 * Ids are UUID v7: the order of the ids is about the order of creation. In the database they are bare UUIDs; in
 * GraphQL and ShareOut they read `job_` and 32 hex digits, so that an id says what it is of.
 */
import { v7 } from 'uuid'
import { NotFoundError } from './errors.ts'
import { drawBytes } from './random.ts'
import { flawOfText } from './storable.ts'

const prefixes = {
  Artifact: 'art',
  ArtifactVersion: 'ver',
  Deployment: 'dep',
  Job: 'job',
  Run: 'run',
  Schedule: 'sch',
  Principal: 'usr',
  Action: 'act',
  ApiToken: 'tok',
  Delivery: 'dlv',
  DomainEvent: 'evt',
  Stack: 'stk',
  Dataset: 'dat',
  DatasetRow: 'row',
  DatasetSnapshot: 'snp',
  Comment: 'cmt',
} as const

export type IdKind = keyof typeof prefixes

const kinds = new Map(Object.entries(prefixes).map(([kind, prefix]) => [prefix as string, kind as IdKind]))

/** Whether a text is a UUID with dashes, in lower case. */
export const isUuid = (text: unknown): text is string =>
  typeof text === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)

/** `team:analytics:daily-report` → the handle of an owner, and a slug that is unique within it; null: it is none. */
export function naturalIdOf(text: string): { handle: string; slug: string } | null {
  const colon = flawOfText(text) ? -1 : text.lastIndexOf(':')
  return colon > 0 && colon < text.length - 1 ? { handle: text.slice(0, colon), slug: text.slice(colon + 1) } : null
}

let last = { msecs: 0, seq: 0 }

/** A new UUID v7 with dashes; those of this process rise. */
export function newId(): string {
  const random = drawBytes(16)
  const msecs = Date.now()
  last = msecs > last.msecs ? { msecs, seq: random.readUInt32BE(6) >>> 1 } : { ...last, seq: last.seq + 1 }
  return v7({ random, ...last })
}

/** `formatId('Job', '0190…')` → `job_0190…` without dashes. */
export const formatId = (kind: IdKind, uuid: string): string => `${prefixes[kind]}_${uuid.replaceAll('-', '')}`

/** The kind and UUID of a prefixed id, or null if it is none. */
export function parseId(id: string): { kind: IdKind; uuid: string } | null {
  const match = /^([a-z]+)_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/.exec(id)
  const kind = match && kinds.get(match[1] ?? '')
  return kind ? { kind, uuid: match.slice(2).join('-') } : null
}

/** The UUID in a prefixed id of this kind, or null. */
export function uuidOf(kind: IdKind, id: string): string | null {
  const parsed = parseId(id)
  return parsed?.kind === kind ? parsed.uuid : null
}

/** The UUID in a prefixed id of this kind; anything else names nothing that exists. */
export function expectId(kind: IdKind, id: string): string {
  const uuid = uuidOf(kind, id)
  if (!uuid) throw new NotFoundError(`${JSON.stringify(id.slice(0, 100))} is not the id of a ${kind}`)
  return uuid
}
