/** The one schema builder. Features add their types to it in their `schema.ts`. */
import SchemaBuilder, { type ObjectRef } from '@pothos/core'
import ComplexityPlugin from '@pothos/plugin-complexity'
import DataloaderPlugin from '@pothos/plugin-dataloader'
import ErrorsPlugin from '@pothos/plugin-errors'
import PrismaPlugin from '@pothos/plugin-prisma'
import RelayPlugin from '@pothos/plugin-relay'
import ScopeAuthPlugin from '@pothos/plugin-scope-auth'
import { DateTimeResolver, JSONResolver } from 'graphql-scalars'
import type PrismaTypes from '../db/generated/pothos.ts'
import { getDatamodel } from '../db/generated/pothos.ts'
import { ConflictError, ForbiddenError, LimitError, NotFoundError, ValidationError } from '../kernel/errors.ts'
import { formatId, type IdKind, parseId } from '../kernel/ids.ts'
import type { Context } from './context.ts'

const pascal = (name: string) => name.charAt(0).toUpperCase() + name.slice(1)

export type Builder = typeof builder

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
  plugins: [ScopeAuthPlugin, ErrorsPlugin, DataloaderPlugin, PrismaPlugin, RelayPlugin, ComplexityPlugin],
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
    defaultUnionOptions: { name: ({ fieldName }) => `${pascal(fieldName)}Result` },
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
      description: 'Anything that has an id, by its id.',
      resolve: (_root, { id }, _context, _info, resolveNode) => (id.typename ? resolveNode(id) : null),
    },
    nodesQueryOptions: false,
  },
  complexity: {
    defaultComplexity: 1,
    defaultListMultiplier: 10,
    limit: ({ limits }) => ({ complexity: limits.queryCost, depth: 15, breadth: 2000 }),
  },
})

builder.addScalarType('DateTime', DateTimeResolver)
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
  builder.nodeRef(ref, { id: { resolve: ({ id }) => id }, loadMany })
}
