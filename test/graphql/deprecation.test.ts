/** Uses of what is deprecated, which is how operators learn who still needs it. */
import { buildSchema, parse } from 'graphql'
import { expect, it } from 'vitest'
import { createDeprecationCount, deprecatedIn } from '../../src/graphql/deprecation.ts'

const schema = buildSchema(`
  type Query {
    jobs(filter: Filter, order: Order, word: String @deprecated(reason: "old")): [Job]
    old: Job @deprecated(reason: "old")
  }
  type Job { id: ID title: String @deprecated(reason: "old") }
  input Filter { tag: String @deprecated(reason: "old") name: String }
  enum Order { NEWEST RANDOM @deprecated(reason: "old") }
`)

it.each([
  ['{ jobs(filter: { name: "x" }, order: NEWEST) { id } }', []],
  ['{ old { id } }', ['Query.old']],
  ['{ jobs { ...Title } } fragment Title on Job { title again: title }', ['Job.title']],
  ['{ jobs(word: "x") { id } }', ['Query.jobs(word:)']],
  ['{ jobs(filter: { tag: "x" }) { id } }', ['Filter.tag']],
  ['{ jobs(order: RANDOM) { id } }', ['Order.RANDOM']],
])('in %s are %j', (text, expected) => {
  expect(deprecatedIn(schema, parse(text))).toEqual(expected)
})

it('are counted in every operation that is executed', () => {
  const counted: string[] = []
  const count = createDeprecationCount((what) => counted.push(what))
  const document = parse('{ old { title } }')
  for (let times = 0; times < 2; times++) count({ schema, document })
  expect(counted).toEqual(['Query.old', 'Job.title', 'Query.old', 'Job.title'])
})
