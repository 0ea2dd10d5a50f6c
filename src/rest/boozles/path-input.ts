/** Jobs that are given in a path: `/1/jobs/<when or cron>/<callback>`, with the data as the body. */

import { HttpError } from '../http-error.ts'
import type { GivenJob } from './job-input.ts'
import { parseInstant } from './when.ts'

/** @throws HttpError 400 for parts that are not percent-encoded as they should be */
export async function givenInPath(request: Request): Promise<GivenJob> {
  const [, , , timing = '', callback = ''] = new URL(request.url).pathname.split('/')
  const data = Buffer.from(await request.arrayBuffer())
  const { headers } = request
  return {
    ...timingOf(timing),
    url: decoded(callback),
    ...(data.length > 0
      ? { data, contentType: headers.get('content-type'), signature: headers.get('x-content-signature') }
      : { data: null, contentType: null, signature: null }),
  }
}

/** In a date a plus is a sign, in a cron a blank, without which there is none. */
function timingOf(part: string): Pick<GivenJob, 'when' | 'cron'> {
  const date = decoded(part)
  const cron = decoded(part.replaceAll('+', ' '))
  const isCron = parseInstant(date) === null && /\s/.test(cron)
  return isCron ? { when: null, cron } : { when: date, cron: null }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new HttpError(400, `The path is not percent-encoded as it should be: ${part.slice(0, 200)}`)
  }
}
