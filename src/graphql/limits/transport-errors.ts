/** What is wrong with a request of HTTP itself is told like everything else: as a GraphQL error with a code. */
import type { Plugin } from 'graphql-yoga'
import { refusal } from './refusal.ts'

const TYPES = 'application/json'

export const tellBadRequests: Plugin = {
  onRequestParse({ request, requestParser, setRequestParser }) {
    if (!requestParser) {
      if (request.method !== 'POST') return
      throw refusal('UNSUPPORTED_MEDIA_TYPE', `Send the operation as ${TYPES}.`, { status: 415 })
    }
    // `variables` and `extensions` of a GET or a form are JSON of the caller's, and no fault of ours.
    setRequestParser(async (request) => {
      try {
        return await requestParser(request)
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error
        throw refusal('BAD_REQUEST', 'variables and extensions must be JSON.', { status: 400 })
      }
    })
  },
  onResultProcess({ resultProcessor, result, setResultProcessor, acceptableMediaTypes }) {
    if (resultProcessor) return
    const types = [...new Set(acceptableMediaTypes)].join(', ')
    const error = { message: `The answer can be had as ${types}.`, extensions: { code: 'NOT_ACCEPTABLE' } }
    if (Symbol.asyncIterator in result) void (result as AsyncIterableIterator<unknown>).return?.()
    const headers = { 'content-type': 'application/json; charset=utf-8' }
    setResultProcessor(
      (_result, { Response }) => new Response(JSON.stringify({ errors: [error] }), { status: 406, headers }),
      'application/json',
    )
  },
}
