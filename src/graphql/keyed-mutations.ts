/**
 * `idempotencyKey` in the input of every mutation, and what it does: the resolver works once for a key, whatever the
 * transport. Without one the header `Idempotency-Key` counts, for each mutation of the operation by its position. A header
 * says when an answer, or a part of it, is an earlier one.
 */
import SchemaBuilder, {
  BasePlugin,
  InputFieldBuilder,
  type PothosOutputFieldConfig,
  type SchemaTypes,
} from '@pothos/core'
import type { GraphQLFieldResolver } from 'graphql'
import type { Keyed } from '../idempotency/answers.ts'
import { requireSignedIn } from '../identity/permissions.ts'
import type { Context } from './context.ts'
import { isReadable } from './readable.ts'

export const KEYED_MUTATIONS = 'keyedMutations'

declare global {
  export namespace PothosSchemaTypes {
    export interface Plugins<Types extends SchemaTypes> {
      keyedMutations: KeyedMutations<Types>
    }
  }
}

const FIELD = 'idempotencyKey'
const DESCRIPTION =
  '1 to 255 printable characters. Sent again with this key and the same input within 24 hours, the mutation does nothing and answers as the first time. Goes before the header `Idempotency-Key`.'

type Args = { input: { idempotencyKey?: string | null } }
type Resolver = GraphQLFieldResolver<unknown, Context, Args>

const prepared = new WeakSet<object>()

class KeyedMutations<Types extends SchemaTypes> extends BasePlugin<Types> {
  override beforeBuild(): void {
    const { configStore } = this.builder
    // A schema may be built again.
    if (prepared.has(configStore)) return
    prepared.add(configStore)
    configStore.onPrepare(() => {
      for (const { args } of configStore.getFields('Mutation', 'Object').values()) {
        const type = args.input?.type
        if (type?.kind !== 'InputObject') throw new Error('a mutation without an input')
        const field = new InputFieldBuilder(this.builder, 'InputObject')
        configStore.addInputFields(type.ref, () => ({ [FIELD]: field.string({ description: DESCRIPTION }) }))
      }
    })
  }

  override wrapResolve(
    resolve: GraphQLFieldResolver<unknown, Types['Context'], object>,
    { parentType }: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> {
    return parentType === 'Mutation' ? (once(resolve as Resolver) as typeof resolve) : resolve
  }
}

SchemaBuilder.registerPlugin(KEYED_MUTATIONS, KeyedMutations)

/** How many mutations of an operation have taken the header's key. */
const positions = new WeakMap<Context, number>()

const once =
  (resolve: Resolver): Resolver =>
  async (root, { input: { idempotencyKey, ...input } }, context, info) => {
    const work = async () => resolve(root, { input }, context, info)
    const given = keyOf(context, idempotencyKey)
    if (!given) return work()
    const viewer = requireSignedIn(context.viewer)
    const request = { mutation: info.fieldName, input }
    const { answer, replayed: isReplay } = await context.answers.once(viewer, { ...given, request }, work, (value) =>
      isReadable(value, info.returnType, context),
    )
    const { res } = context
    if (isReplay && res && !res.headersSent) res.setHeader('x-idempotent-replayed', 'true')
    return answer
  }

function keyOf(context: Context, field: string | null | undefined): Omit<Keyed, 'request'> | null {
  if (field != null) return { key: field, at: FIELD, place: PLACE }
  if (context.idempotencyKey === null) return null
  const position = positions.get(context) ?? 0
  positions.set(context, position + 1)
  // A key means the same in the field and, for the first mutation, in the header.
  const place = position === 0 ? PLACE : `${PLACE} ${position}`
  return { key: context.idempotencyKey, at: 'Idempotency-Key', place }
}

const PLACE = 'graphql'
