/** The rules of `gate` and `documents`, where Yoga has its places for them. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { GraphQLParams, Plugin } from 'graphql-yoga'
import { tellRate } from '../../http/rate-headers.ts'
import type { Rate } from '../../kernel/rate.ts'
import type { Documents } from './documents.ts'
import type { AskedDocument, Gate } from './gate.ts'
import { refusal, tooMuch } from './refusal.ts'

type NodeContext = { req?: IncomingMessage; res?: ServerResponse }

export type RequestCount = ReturnType<typeof createRequestCount>

/** How often each caller asks. */
export function createRequestCount(deps: {
  gate: Gate
  /** Who asks, as far as rates are concerned. */
  callerOf: (request: IncomingMessage) => string
  rate: Rate | null
}) {
  const { gate, callerOf, rate } = deps
  return {
    /** Counts one operation, and tells what is left. @throws GraphQLError RATE_LIMITED */
    count(request: IncomingMessage, response: ServerResponse | undefined): void {
      if (!rate) return
      const caller = callerOf(request)
      try {
        gate.count(caller)
      } finally {
        if (response && !response.headersSent) tellRate(response, rate.look(caller))
      }
    },
    /** Takes one back. */
    forget: (request: IncomingMessage): void => rate?.giveBack(callerOf(request)),
  }
}

export type RequestRules = {
  gate: Gate
  requests: RequestCount
  /** Operations that one request may have in a list; up to 1: lists are refused. */
  maxBatch: number
}

/** How many operations may come, how often, and by which documents. */
export function ruleRequests({ gate, requests, maxBatch }: RequestRules): Plugin {
  return {
    onRequestParse: () => ({
      onRequestParseDone({ requestParserResult }) {
        if (!Array.isArray(requestParserResult)) return
        const { length } = requestParserResult
        if (length === 0) throw refusal('BAD_REQUEST', 'The list has no operation.', { status: 400 })
        if (maxBatch <= 1) throw refusal('BAD_REQUEST', 'Lists of operations are not answered here.', { status: 400 })
        if (length > maxBatch) {
          throw tooMuch(`The list has ${length} operations; ${maxBatch} are allowed (MAX_BATCH).`, 413)
        }
      },
    }),
    onParams({ params, request, setParams, context }) {
      const { req, res } = context as NodeContext
      if (req) requests.count(req, res)
      const asked = params as GraphQLParams & AskedDocument
      const documentId = asked.documentId ?? (request.method === 'GET' ? idInAddress(request.url) : null)
      const text = gate.textOf({ ...asked, documentId })
      if (text !== asked.query) setParams({ ...params, query: text as string })
    },
  }
}

const idInAddress = (url: string) => new URL(url).searchParams.get('documentId')

/** Parses and validates by way of what is remembered. */
export function rememberDocuments(documents: Documents): Plugin {
  const texts = new WeakMap<object, string>()
  return {
    onParse({ params: { source }, setParseFn }) {
      const text = typeof source === 'string' ? source : source.body
      // Of what is thrown while parsing Yoga makes errors of the syntax, with a status of their own.
      documents.checkLength(text)
      setParseFn(() => {
        const document = documents.parse(text)
        texts.set(document, text)
        return document
      })
    },
    onValidate({ setValidationFn }) {
      setValidationFn((_schema, document) => documents.validate(texts.get(document) ?? '', document))
    },
  }
}
