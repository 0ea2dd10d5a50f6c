/** Errors that refuse a request before anything of it is done. */
import { GraphQLError } from 'graphql'

const LIMIT_EXCEEDED = 'LIMIT_EXCEEDED'

type Http = { status: number; headers?: Record<string, string> }

/** `http`: the status of the answer; without one it is 400, or 200 in the media type `application/json`. */
export const refusal = (code: string, message: string, http?: Http): GraphQLError =>
  new GraphQLError(message, { extensions: { code, http: http ?? { status: 400, spec: true } } })

export const tooMuch = (message: string, status?: number): GraphQLError =>
  refusal(LIMIT_EXCEEDED, message, status === undefined ? undefined : { status })

/** Parsing, validating and counting go as deep into the stack as the document goes. */
export function unlessTooDeep<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if (error instanceof RangeError) throw tooMuch('The query is nested too deeply.')
    throw error
  }
}
