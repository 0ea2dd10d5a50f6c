/** Which part of a list is asked for, in the query of an address. */
import { z } from '@hono/zod-openapi'
import { text } from '../../kernel/storable.ts'

const SIZE = { default: 30, most: 1_000 }
const SEARCH_LIMIT = 200

const count = (fallback: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number from 0 on')
    .transform(Number)
    .default(fallback)

const WHOLE = { type: 'integer', minimum: 0 } as const

export const pageQuery = {
  limit: count(SIZE.default)
    .transform((given) => Math.min(given, SIZE.most))
    .describe(`${SIZE.default} by default, at most ${SIZE.most}; 0 gives only the total.`)
    .openapi(WHOLE),
  start: count(0).describe('How many come before the page.').openapi(WHOLE),
}

export const searchQuery = text(SEARCH_LIMIT).optional()

type Sort<Fields extends readonly string[]> = Fields[number] | `-${Fields[number]}`

/** One of the fields, `-` before it for descending. */
export const sortQuery = <const Fields extends readonly [string, ...string[]]>(
  fields: Fields,
  usual: Sort<Fields> = fields[0],
) =>
  z
    .enum([...fields, ...fields.map((field) => `-${field}`)], `must be one of ${fields.join(', ')}; - descends`)
    .default(usual)
    .transform((given) => ({ field: given.replace(/^-/, '') as Fields[number], descending: given.startsWith('-') }))
