/** What a caller has left, as draft-ietf-httpapi-ratelimit-headers-06 writes it: three numbers, the last in seconds. */
import type { ServerResponse } from 'node:http'
import type { Allowance } from '../kernel/rate.ts'

export function tellRate(response: ServerResponse, { limit, remaining, resetMs }: Allowance): void {
  response.setHeader('ratelimit-limit', limit)
  response.setHeader('ratelimit-remaining', remaining)
  response.setHeader('ratelimit-reset', Math.ceil(resetMs / 1000))
}
