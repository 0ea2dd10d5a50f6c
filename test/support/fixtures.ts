/** The examples of the documentations that the dialects were written from, as they stand there. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

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

/** What an example of JSON plainly means where it lacks the commas after `id` and `account`. */
export const mended = (text: string): string => text.replace(/"\n(?=\s*")/g, '",\n')
