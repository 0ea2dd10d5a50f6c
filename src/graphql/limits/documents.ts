/**
 * Texts → documents that have been parsed, bounded and validated. Those that are right are remembered, so a client that
 * repeats itself costs neither; by their tokens, as a document takes far more memory than its text.
 */
import { type DocumentNode, GraphQLError, type GraphQLSchema, parse, specifiedRules, validate } from 'graphql'
import { LRUCache } from 'lru-cache'
import { refuseRenamedLists } from './introspection.ts'
import type { QueryLimits } from './query-limits.ts'
import { tooMuch, unlessTooDeep } from './refusal.ts'
import { checkShape } from './shape.ts'

/** Of all documents that are remembered together; a thousand queries of a usual size. */
const REMEMBERED_TOKENS = 100_000

export type Documents = ReturnType<typeof createDocuments>

/** `hints`: whether errors suggest names that are in the schema. */
export function createDocuments(schema: GraphQLSchema, limits: QueryLimits, { hints }: { hints: boolean }) {
  const known = new LRUCache<string, DocumentNode>({
    maxSize: REMEMBERED_TOKENS,
    sizeCalculation: ({ tokenCount }) => Math.max(tokenCount ?? 0, 1),
  })
  const valid = new WeakSet<DocumentNode>()

  return {
    /** @throws GraphQLError LIMIT_EXCEEDED */
    checkLength({ length }: string): void {
      if (length > limits.chars) {
        throw tooMuch(`The query has ${length} characters; ${limits.chars} are allowed (MAX_QUERY_CHARS).`, 413)
      }
    },
    /** @throws GraphQLError LIMIT_EXCEEDED, or of the syntax */
    parse(text: string): DocumentNode {
      const before = known.get(text)
      if (before) return before
      const document = unlessTooDeep(() => parseUpTo(text, limits.tokens))
      unlessTooDeep(() => checkShape(document, limits))
      refuseRenamedLists(document)
      return document
    },
    /** What is wrong with a document that `parse` gave; nothing: it is right. */
    validate(text: string, document: DocumentNode): readonly GraphQLError[] {
      if (valid.has(document)) return []
      const errors = unlessTooDeep(() => validate(schema, document, specifiedRules, { hideSuggestions: !hints }))
      if (errors.length === 0) {
        valid.add(document)
        known.set(text, document)
      }
      return errors
    },
  }
}

function parseUpTo(text: string, tokens: number): DocumentNode {
  try {
    return parse(text, { maxTokens: tokens })
  } catch (error) {
    if (!(error instanceof GraphQLError) || !/more that \d+ tokens/.test(error.message)) throw error
    throw tooMuch(`The query has more than ${tokens} tokens (MAX_QUERY_TOKENS).`)
  }
}
