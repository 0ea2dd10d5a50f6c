/** What goes well is executed by a plan, and nobody can tell: graphql-js is asked the same. */
import {
  execute,
  GraphQLEnumType,
  GraphQLError,
  GraphQLInt,
  GraphQLInterfaceType,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLResolveInfo,
  GraphQLScalarType,
  GraphQLSchema,
  GraphQLString,
  GraphQLUnionType,
  parse,
  responsePathAsArray,
  validate,
} from 'graphql'
import { beforeEach, describe, expect, it } from 'vitest'
import { createExecution } from '../../src/graphql/execution/execute.ts'

/** What resolvers were called with, in order. */
let calls: unknown[] = []
beforeEach(() => {
  calls = []
})

const seen = (args: object, { path, fieldNodes, parentType, returnType, ...info }: GraphQLResolveInfo) => {
  calls.push([
    ...[responsePathAsArray(path), path.typename, args, fieldNodes, `${parentType}.${info.fieldName}: ${returnType}`],
    ...[info.variableValues, Object.keys(info.fragments), info.operation.name?.value, info.rootValue],
  ])
}

const later = <Value>(value: Value, turns = 1): Promise<Value> =>
  turns === 0 ? Promise.resolve(value) : new Promise((resolve) => setImmediate(() => resolve(later(value, turns - 1))))

const Color = new GraphQLEnumType({ name: 'Color', values: { RED: { value: 'r' }, BLUE: { value: { deep: 'blue' } } } })
const BLUE = Color.getValue('BLUE')?.value

/** Takes whatever comes. */
const Any = new GraphQLScalarType({ name: 'Any' })

const Thing = new GraphQLInterfaceType({
  name: 'Thing',
  fields: { id: { type: GraphQLInt } },
  resolveType: ({ is, slow }, _context, info) => {
    calls.push(['type', responsePathAsArray(info.path), info.fieldName])
    return slow ? later(is) : is
  },
})
const Item: GraphQLObjectType = new GraphQLObjectType({
  name: 'Item',
  interfaces: [Thing],
  fields: () => ({
    id: { type: GraphQLInt },
    sure: { type: new GraphQLNonNull(GraphQLString) },
    color: { type: Color },
    any: { type: Any },
    call: { type: GraphQLString, args: { a: { type: GraphQLInt } } },
    echo: {
      type: GraphQLString,
      args: { text: { type: GraphQLString, defaultValue: 'default' }, n: { type: new GraphQLList(GraphQLInt) } },
      resolve: (_item, args, _context, info) => {
        seen(args, info)
        return JSON.stringify(args)
      },
    },
    next: {
      type: Item,
      args: { turns: { type: GraphQLInt } },
      resolve: (item, args, _context, info) => {
        seen(args, info)
        return later({ ...item, id: item.id + 1 }, args.turns ?? 0)
      },
    },
    fails: {
      type: GraphQLString,
      resolve: ({ id }) => {
        throw new GraphQLError(`failed ${id}`, { extensions: { code: 'FAILED' } })
      },
    },
  }),
})
const Other = new GraphQLObjectType({
  name: 'Other',
  interfaces: [Thing],
  fields: { id: { type: GraphQLInt }, other: { type: GraphQLString } },
})
const Either = new GraphQLUnionType({ name: 'Either', types: [Item, Other], resolveType: ({ is }) => is })

const item = (id: number, more: object = {}) => ({ is: 'Item', id, sure: `sure ${id}`, color: 'r', ...more })

/** Values by name, each as a list of things, of items, and alone. */
const VALUES: Record<string, () => unknown[]> = {
  plain: () => [item(1), item(2, { color: BLUE })],
  late: () => [later(item(1), 3), item(2), later(item(3))],
  others: () => [item(1), { is: 'Other', id: 2, other: 'x' }],
  nulls: () => [null, item(1), undefined],
  unsure: () => [item(1), item(2, { sure: null })],
  errors: () => [item(1), new Error('of the row')],
  rejected: () => [item(1), later(1).then(() => Promise.reject(new Error('later')))],
  colorless: () => [item(1, { color: 'green' })],
  unknown: () => [{ is: 'Nothing', id: 1 }],
  slow: () => [{ ...item(1), slow: true }],
  functions: () => [item(1, { call: ({ a }: { a: number }) => `called with ${a}` })],
  promises: () => [item(1, { sure: later('late'), any: later({ of: [1] }) })],
  'errors and more': () => [new Error('of the row'), Promise.reject(new Error('of another'))],
  words: () => ['a word' as never],
}
const named =
  (list: boolean) =>
  (_root: unknown, { of }: { of: string }, _context: unknown, info: GraphQLResolveInfo) => {
    seen({ of }, info)
    const values = VALUES[of]?.() ?? []
    return list ? (of === 'late' ? later(values) : values) : values.at(-1)
  }
const args = { of: { type: new GraphQLNonNull(GraphQLString) } }
const schema = new GraphQLSchema({
  types: [Item, Other],
  query: new GraphQLObjectType({
    name: 'Query',
    fields: {
      items: { type: new GraphQLList(Item), args, resolve: named(true) },
      sureItems: { type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(Item))), args, resolve: named(true) },
      things: { type: new GraphQLList(Thing), args, resolve: named(true) },
      either: { type: new GraphQLList(Either), args, resolve: named(true) },
      item: { type: Item, args, resolve: named(false) },
      sureItem: { type: new GraphQLNonNull(Item), args, resolve: named(false) },
      set: { type: new GraphQLList(GraphQLInt), resolve: () => new Set([1, 2]) },
      table: { type: new GraphQLList(new GraphQLList(GraphQLInt)), resolve: () => [[1, null], null, [later(2)]] },
      notList: { type: new GraphQLList(GraphQLInt), resolve: () => 5 },
      notNumber: { type: GraphQLInt, resolve: () => 'x' },
      unresolved: { type: GraphQLInt },
    },
  }),
  mutation: new GraphQLObjectType({
    name: 'Mutation',
    fields: { add: { type: GraphQLInt, resolve: () => calls.push('added') } },
  }),
})

async function both(query: string, variableValues?: Record<string, unknown> | null, operationName?: string) {
  const document = parse(query)
  expect(validate(schema, document)).toEqual([])
  const asked = { document, contextValue: {}, ...(variableValues !== undefined && { variableValues }), operationName }
  const whole = async (answer: ReturnType<typeof execute>) => {
    const { data, errors, ...rest } = await answer
    const told = { answer: JSON.stringify({ errors, data, ...rest }), calls }
    calls = []
    return told
  }
  const expected = await whole(execute({ schema, ...asked }))
  const planned = createExecution(schema, { times: 1 })
  const first = await whole(planned(asked))
  // By the same plan once more.
  expect((await whole(planned(asked))).answer).toBe(expected.answer)
  return { expected, planned: first }
}

const FIELDS = '__typename id sure kind: color echo(text: "a") next { id next(turns: 2) { color id } }'

describe('the answer is that of graphql-js, and its resolvers are called with the same, once', () => {
  it.each<[string, string, Record<string, unknown>?]>([
    ['a name of a type', '{ __typename a: __typename }'],
    ['lists', `{ items(of: "plain") { ${FIELDS} } sureItems(of: "plain") { id } }`],
    ['what comes later', `{ a: items(of: "late") { ${FIELDS} } b: item(of: "plain") { id } }`],
    ['promises in rows', '{ items(of: "promises") { sure any id } }'],
    ['nulls', '{ items(of: "nulls") { id } item(of: "nulls") { id } things(of: "nulls") { id } }'],
    ['lists in lists', '{ table }'],
    ['abstract types', `{ things(of: "others") { id ... on Item { ${FIELDS} } ... on Other { other } } }`],
    ['unions', `{ either(of: "others") { __typename ... on Thing { id } ... on Other { o: other id } } }`],
    [
      'fragments, each merged with what stands beside it',
      `query Named { items(of: "plain") { ...A next { id } ...A ... { id } ... on Thing { id } } }
       fragment A on Item { next { sure ...B } color } fragment B on Thing { id }`,
    ],
    ['variables', 'query($a: String, $n: Int) { item(of: "plain") { echo(text: $a, n: [1, $n]) } }', { a: 'x', n: 2 }],
    [
      'variables that are not given',
      'query($a: String = "d", $n: Int) { item(of: "plain") { echo(text: $a, n: [$n]) } }',
    ],
    ['a variable of null', 'query($a: String = "d") { item(of: "plain") { echo(text: $a) } }', { a: null }],
  ])('%s', async (_what, query, variables) => {
    const { expected, planned } = await both(query, variables)
    expect(planned).toEqual(expected)
  })

  it('one operation of several', async () => {
    const { expected, planned } = await both('query A { set } query B { item(of: "plain") { id } }', null, 'B')
    expect(planned).toEqual(expected)
  })
})

describe('the answer is that of graphql-js, which has begun again', () => {
  it.each<[string, string, Record<string, unknown>?]>([
    ['a null where none may be', '{ items(of: "unsure") { id sure } }'],
    ['one that takes the whole answer with it', '{ a: item(of: "plain") { id } sureItems(of: "unsure") { sure } }'],
    ['one alone', '{ sureItem(of: "nulls") { id } }'],
    ['an error that is thrown', '{ items(of: "plain") { id fails } }'],
    ['an error in a list', '{ items(of: "errors") { id } }'],
    ['an error in a list, and one that comes later', '{ items(of: "errors and more") { id } }'],
    ['an error in the place of an object', '{ item(of: "errors") { id } }'],
    ['errors that come later, several', '{ a: items(of: "rejected") { id } b: sureItems(of: "rejected") { id } }'],
    ['what is no value of an enum', '{ items(of: "colorless") { id color } }'],
    ['what is no number', '{ notNumber }'],
    ['what is no list', '{ notList }'],
    ['a type that is not there', '{ a: things(of: "unknown") { id } }'],
    ['a type that comes later', '{ a: things(of: "slow") { id } }'],
    ['a list that is no array', '{ set }'],
    ['methods', '{ items(of: "functions") { call(a: 5) } }'],
    ['a word in the place of an object', '{ items(of: "words") { id } }'],
    ['what nobody resolves', '{ unresolved }'],
    ['a name that objects have already', '{ __proto__: __typename item(of: "plain") { __proto__: id id } }'],
    ['directives', 'query($b: Boolean!) { item(of: "plain") { id @skip(if: $b) sure @include(if: $b) } }', { b: true }],
    ['the schema', '{ __schema { queryType { name } } __type(name: "Item") { name } }'],
    [
      'variables that are wrong',
      'query($n: [Int]!, $m: Int!) { item(of: "plain") { echo(n: $n) a: next(turns: $m) { id } } }',
      { n: ['x', 'y'] },
    ],
  ])('%s', async (_what, query, variables) => {
    const { expected, planned } = await both(query, variables)
    expect(planned.answer).toBe(expected.answer)
  })
})

it('what changes something is never begun again: graphql-js does it', async () => {
  const { expected, planned } = await both('mutation { add }')
  expect([expected.calls, planned.calls]).toEqual([['added'], ['added']])
})
