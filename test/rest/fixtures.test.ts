/** Every example of the documentations is there and is used. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { fixtures } from '../support/fixtures.ts'

/** By the headings of the documentations, in their order. */
const EXAMPLES = {
  shareout: [
    ...['create-job.fetch.json', 'create-job.curl.json', 'create-job.weekly-email.json'],
    ...['create-job.answer.json', 'create-job.invalid.json'],
    ...['publish.curl.json', 'publish.minimal.json', 'publish.answer.json'],
    ...['publish.invalid.json', 'publish.unauthorized.json', 'publish.conflict.json'],
  ],
  informer: [
    ...['list.answer.json', 'jobs-list.answer.json', 'job.answer.json'],
    ...['create-job.json', 'create-job.answer.json', 'update-job.json', 'run.answer.json', 'edit.answer.json'],
    ...['owner.answer.json', 'change-owner.json', 'favorite.answer.json'],
  ],
  kragle: [
    ...['list.answer.txt', 'job.answer.txt', 'create-job.answer.txt', 'update-job.answer.txt'],
    ...['delete-job.queued.answer.txt', 'delete-job.deleted.answer.txt'],
  ],
  boozles: [
    ...['path.single.txt', 'path.recurring.txt'],
    ...['recurring.request.json', 'single.request.json', 'recurring.answer.json', 'single.answer.json'],
    ...['recurring.request.xml', 'single.request.xml', 'recurring.answer.xml', 'single.answer.xml'],
    ...['created.answer.txt', 'list.answer.txt', 'list.answer.json', 'list.answer.xml'],
  ],
}

const NAMES = Object.entries(EXAMPLES).flatMap(([dialect, files]) => files.map((file) => `${dialect}/${file}`))

/** The examples that a text of a test names; `${…}` in a name stands for any word. */
function namedIn(text: string): string[] {
  const named = [...text.matchAll(/['`]((?:shareout|informer|kragle|boozles)\/[^'`\s]+\.[^'`\s]+)['`]/g)]
  const patterns = named.map(([, name = '']) => {
    const words = name.split(/\$\{\w+\}/).map((part) => part.replaceAll('.', '\\.'))
    return new RegExp(`^${words.join('\\w+')}$`)
  })
  return NAMES.filter((name) => patterns.some((pattern) => pattern.test(name)))
}

describe('the examples of the documentations', () => {
  it('are all there, and there are no others', () => expect(fixtures()).toEqual(NAMES.toSorted()))

  it.each(Object.keys(EXAMPLES))('of %s are each sent, or compared', (dialect) => {
    const seeds = readFileSync(path.resolve('test/rest', dialect, 'seeds.test.ts'), 'utf8')
    const own = NAMES.filter((name) => name.startsWith(`${dialect}/`))
    expect(own.filter((name) => !namedIn(seeds).includes(name))).toEqual([])
  })

  it('are of every dialect', () => {
    const dialects = readdirSync(path.resolve('src/rest'), { withFileTypes: true }).filter((each) => each.isDirectory())
    expect(Object.keys(EXAMPLES).sort()).toEqual(dialects.map(({ name }) => name).sort())
  })
})
