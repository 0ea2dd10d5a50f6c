/** Actions in GraphQL: one input per kind, made from its driver. */
import type { z } from 'zod'
import { builder } from '../graphql/builder.ts'
import { inputFromZod } from '../graphql/zod-input.ts'
import { formatId } from '../kernel/ids.ts'
import { actionKinds } from './registry.ts'
import { stepName } from './spec.ts'

const pascal = (name: string) => name.charAt(0).toUpperCase() + name.slice(1)

const inputOf = (kind: string, description: string, config: z.ZodObject) =>
  inputFromZod(`${pascal(kind)}ActionInput`, description, config.extend({ name: stepName.optional() }))

export const ActionInputType = builder.inputType('ActionInput', {
  description: 'What a step does: exactly one kind.',
  isOneOf: true,
  fields: (t) =>
    Object.fromEntries(
      actionKinds.map(({ kind, description, config }) => [
        kind,
        t.field({ type: inputOf(kind, description, config), description }),
      ]),
    ),
})

export const ActionType = builder.prismaObject('Action', {
  fields: (t) => ({
    id: t.id({ description: '`act_…`', resolve: ({ id }) => formatId('Action', id) }),
    number: t.exposeInt('number', { description: 'Integer id.' }),
    position: t.exposeInt('position', { description: 'Order among the steps, from 0.' }),
    kind: t.exposeString('kind', { description: 'Such as `webhook`.' }),
    name: t.exposeString('name', { description: 'Unique among the steps.' }),
    config: t.expose('config', {
      type: 'JSON',
      description:
        'Its settings, as its kind takes them; for who may not change the job, or has no token with `jobs:write`, without secrets.',
    }),
  }),
})
