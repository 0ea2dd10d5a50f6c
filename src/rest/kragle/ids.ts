/** What paths name things by. */
import { z } from '@hono/zod-openapi'

/** PostgreSQL's `integer`. */
const LARGEST = 2 ** 31 - 1

/** Not a number for the schema: what is none is no such object, like any number that nothing has. */
export const idParams = z.object({ id: z.string().describe('An integer.').openapi({ type: 'integer', minimum: 1 }) })

/** Null: nothing can have it. */
export function numberIn(text: string): number | null {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : 0
  return isNumber(number) ? number : null
}

/** Whether something could have this integer. */
export const isNumber = (number: number): boolean => number >= 1 && number <= LARGEST
