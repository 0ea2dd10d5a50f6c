/** The examples of the documentations that the dialects were written from, as they stand there. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect } from 'vitest'

const FOLDER = path.resolve('test/rest/fixtures')

/** The text of `informer/create-job.json`, without its last line end. */
export const fixture = (name: string): string => readFileSync(path.join(FOLDER, name), 'utf8').replace(/\n$/, '')

/** The names of all. */
export const fixtures = (): string[] =>
  readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((name) => path.extname(name) !== '')
    .sort()

/**
 * An example of a time to come that has long passed: the same day and time of a year that is still ahead. For a text
 * that is sent and for the one that is expected.
 */
export const inFuture = (text: string): string => text.replaceAll('2011-', '2999-')

/** What an example of JSON plainly means where it lacks the commas after `id` and `account`, or has one after its last field. */
export const mended = (text: string): string => text.replace(/"\n(?=\s*")/g, '",\n').replace(/,(?=\s*\})/g, '')

/** An example, parsed. */
// biome-ignore lint/suspicious/noExplicitAny: what an example looks like is what the tests ask
export const example = (name: string): any => JSON.parse(fixture(name))

/** A matcher of anything that has the same fields with values of the same types, for an example of made-up values. */
export function alike(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(alike)
  if (typeof value !== 'object' || value === null) return value === null ? null : expect.any(Object(value).constructor)
  return expect.objectContaining(Object.fromEntries(Object.entries(value).map(([key, each]) => [key, alike(each)])))
}
