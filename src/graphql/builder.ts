/** The one schema builder. Features add their types to it in their `schema.ts`. */
import SchemaBuilder, { type ObjectRef } from '@pothos/core'
import ComplexityPlugin from '@pothos/plugin-complexity'
import DataloaderPlugin from '@pothos/plugin-dataloader'
import ErrorsPlugin from '@pothos/plugin-errors'
import PrismaPlugin from '@pothos/plugin-prisma'
import RelayPlugin from '@pothos/plugin-relay'
import ScopeAuthPlugin from '@pothos/plugin-scope-auth'
import { GraphQLError, GraphQLScalarType } from 'graphql'
import { DateTimeResolver, JSONResolver } from 'graphql-scalars'
import type PrismaTypes from '../db/generated/pothos.ts'
import { getDatamodel } from '../db/generated/pothos.ts'
import { ConflictError, ForbiddenError, LimitError, NotFoundError, ValidationError } from '../kernel/errors.ts'
import { formatId, type IdKind, parseId } from '../kernel/ids.ts'
import { PAGE_LIMIT } from '../kernel/pages.ts'
import type { Context } from './context.ts'
import { KEYED_MUTATIONS } from './keyed-mutations.ts'
import { nodes } from './nodes.ts'

const pascal = (name: string) => name.charAt(0).toUpperCase() + name.slice(1)

export const builder = new SchemaBuilder<{
  Context: Context
  PrismaTypes: PrismaTypes
  DefaultFieldNullability: false
  AuthScopes: { admin: boolean; signedIn: boolean }
  Connection: { totalCount: () => Promise<number> }
  Scalars: {
    DateTime: { Input: Date; Output: Date }
    JSON: { Input: unknown; Output: unknown }
    ID: { Input: string; Output: string }
  }
}>({
  plugins: [
    ScopeAuthPlugin,
    ErrorsPlugin,
    DataloaderPlugin,
    PrismaPlugin,
    RelayPlugin,
    ComplexityPlugin,
    // The innermost: an answer is kept as its service gave it, and what is wrong with a key is an error like others.
    KEYED_MUTATIONS,
  ],
  defaultFieldNullability: false,
  scopeAuth: {
    authScopes: ({ viewer }) => ({ admin: viewer?.isAdmin ?? false, signedIn: viewer !== null }),
    unauthorizedError: (_parent, { viewer }) =>
      viewer
        ? new ForbiddenError('you may not see this')
        : new ForbiddenError('sign in with a token (Authorization: Bearer …)', 'UNAUTHENTICATED'),
  },
  errors: {
    defaultTypes: [ValidationError, NotFoundError, ForbiddenError, ConflictError, LimitError],
    directResult: true,
    defaultUnionOptions: {
      name: ({ fieldName }) => `${pascal(fieldName)}Result`,
      description: 'What came of it, or what is wrong; then nothing was changed.',
    },
  },
  prisma: { client: ({ prisma }) => prisma, dmmf: getDatamodel(), exposeDescriptions: true },
  relay: {
    cursorType: 'String',
    encodeGlobalID: (typename, id) => formatId(typename as IdKind, String(id)),
    decodeGlobalID: (globalId) => {
      const parsed = parseId(globalId)
      return { typename: parsed?.kind ?? '', id: parsed?.uuid ?? '' }
    },
    nodeQueryOptions: {
      description: 'Anything that has an id, by its id; null if there is none that you may read.',
      args: { id: { description: 'With its prefix: `job_…`.' } },
      resolve: (_root, { id }, _context, _info, resolveNode) => (nodes.has(id.typename) ? resolveNode(id) : null),
    },
    nodesQueryOptions: false,
    nodeTypeOptions: { description: 'What has an id by which `node` finds it.' },
    idFieldOptions: { description: 'Unique among everything; its prefix says of what it is.' },
    firstArgOptions: {
      description: `How many, from the start or behind \`after\`; at most ${PAGE_LIMIT}. Default 20.`,
    },
    lastArgOptions: { description: `How many, from the end or before \`before\`; at most ${PAGE_LIMIT}.` },
    afterArgOptions: { description: 'The cursor behind which to begin.' },
    beforeArgOptions: { description: 'The cursor before which to end.' },
    defaultConnectionTypeOptions: { description: 'A page of a list.' },
    defaultEdgeTypeOptions: { description: 'A row of a page.' },
    // The connection's own multiplier counts the rows already.
    edgesFieldOptions: { description: 'Its rows, in order.', complexity: { field: 1, multiplier: 1 } },
    nodeFieldOptions: { description: 'What the row is about.' },
    cursorFieldOptions: { description: 'Where the row stands: give it as `after` or `before`.' },
    pageInfoFieldOptions: { description: 'Where the page stands in the list.' },
    pageInfoTypeOptions: { description: 'Where a page stands in its list.' },
    hasNextPageFieldOptions: { description: 'Whether there is more behind it.' },
    hasPreviousPageFieldOptions: { description: 'Whether there is more before it.' },
    startCursorFieldOptions: { description: 'The cursor of its first row.' },
    endCursorFieldOptions: { description: 'The cursor of its last row.' },
  },
  // `limits.ts` counts before anything is done; here it would be at the first event of a subscription.
  complexity: { defaultComplexity: 1, defaultListMultiplier: 10, disabled: true },
})

/** Instants that PostgreSQL and RFC 3339 can both write: neither year 0 nor one of five digits. */
function requireYear(instant: Date): Date {
  if (instant.getTime() >= FIRST_INSTANT && instant.getTime() <= LAST_INSTANT) return instant
  throw new GraphQLError('DateTime must be in the years 1 to 9999')
}

const FIRST_INSTANT = Date.parse('0001-01-01T00:00:00Z')
const LAST_INSTANT = Date.parse('9999-12-31T23:59:59.999Z')

const dateTime = DateTimeResolver.toConfig()

builder.addScalarType(
  'DateTime',
  new GraphQLScalarType({
    ...dateTime,
    // A text: an answer has many of them, and to find out how a Date is written takes JSON longer than all the rest.
    serialize: (value) => (dateTime.serialize(value) as Date).toISOString(),
    parseValue: (value) => requireYear(dateTime.parseValue(value)),
    parseLiteral: (node, variables) => requireYear(dateTime.parseLiteral(node, variables)),
  }),
)
builder.addScalarType('JSON', JSONResolver)

builder.queryType({ description: 'What can be read.' })
builder.mutationType({
  description: 'What can be changed. Each answers what it changed, or an error that says what is wrong.',
})
builder.subscriptionType({ description: 'What can be watched while it happens.' })

builder.globalConnectionField('totalCount', (t) =>
  t.int({ description: 'How many there are on all pages together.', resolve: ({ totalCount }) => totalCount() }),
)

type Types = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never

/** Makes an object type a Relay node: `id` with its prefix, and `node(id:)` through the feature's service, which authorises. */
export function addNode<Row extends { id: string }>(
  ref: ObjectRef<Types, Row>,
  loadMany: (ids: string[], context: Context) => Promise<(Row | null)[]>,
): void {
  nodes.set(ref.name, loadMany)
  builder.nodeRef(ref, { id: { resolve: ({ id }) => id }, loadMany })
}
