/** What every operation passes before its text is looked at, whatever transport it comes by: how often, and by which text. */
import type { GraphQLError } from 'graphql'
import type { Rate } from '../../kernel/rate.ts'
import type { TrustedDocuments } from '../../settings/trusted-documents.ts'
import { refusal } from './refusal.ts'

/** What a client sends in place of a text, or beside it. */
export type AskedDocument = { query?: unknown; documentId?: unknown; extensions?: unknown }

export type Gate = ReturnType<typeof createGate>

export type GateOptions = {
  /** How often one caller may ask; null: as often as it likes. */
  rate: Rate | null
  /** Null: there are none. */
  trusted: TrustedDocuments | null
  /** Whether all other documents are refused. */
  trustedOnly: boolean
}

export function createGate({ rate, trusted, trustedOnly }: GateOptions) {
  /** @throws GraphQLError for a document that is not known, or not allowed */
  function textOf(asked: AskedDocument): unknown {
    const { query } = asked
    const hash = hashOf(asked)
    if (typeof query === 'string' && query !== '') {
      if (trustedOnly && !trusted?.isOne(query)) throw notTrusted()
      return query
    }
    if (hash === undefined) {
      if (trustedOnly) throw notTrusted()
      return query
    }
    if (!trusted) throw notSupported()
    const text = trusted.byHash(hash)
    if (text === undefined) throw notFound()
    return text
  }

  return {
    /** Counts one operation. @throws GraphQLError RATE_LIMITED */
    count(caller: string): void {
      const waitMs = rate?.take(caller) ?? 0
      if (waitMs > 0) throw rateLimited(waitMs)
    },
    textOf,
  }
}

/** `documentId` as the GraphQL foundation and code generators have it, or as Apollo's clients do. */
function hashOf({ documentId, extensions }: AskedDocument): string | undefined {
  const persisted = (extensions as { persistedQuery?: { sha256Hash?: unknown } } | null | undefined)?.persistedQuery
  const hash = documentId ?? persisted?.sha256Hash
  return typeof hash === 'string' ? hash : undefined
}

/** Milliseconds until another operation may be sent. */
export function rateLimited(waitMs: number): GraphQLError {
  const seconds = Math.ceil(waitMs / 1000)
  const headers = { 'Retry-After': String(seconds) }
  return refusal('RATE_LIMITED', `Too many operations; try again in ${seconds} s (RATE_LIMIT_PER_MINUTE).`, {
    status: 429,
    headers,
  })
}

/** Clients of Apollo know these two by their texts. */
const notFound = () => refusal('PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotFound')
const notSupported = () => refusal('PERSISTED_QUERY_NOT_SUPPORTED', 'PersistedQueryNotSupported')

const notTrusted = () =>
  refusal('DOCUMENT_NOT_TRUSTED', 'Only trusted documents are answered here: send the hash of one as documentId.')
