/** The status that an answer is counted by, where that is not the one that it has. */
import type { ServerResponse } from 'node:http'
import { COUNTS_AS } from '../rest/counts-as.ts'

const counted = new WeakMap<ServerResponse, string>()

/** Takes what a dialect says of its answer out of it; it says so of none but a 500. */
export function noteCount(answer: Response, response: ServerResponse): Response {
  if (answer.status !== 500) return answer
  const status = answer.headers.get(COUNTS_AS)
  if (status === null) return answer
  counted.set(response, status)
  answer.headers.delete(COUNTS_AS)
  return answer
}

export const statusOf = (response: ServerResponse): string => counted.get(response) ?? String(response.statusCode)
