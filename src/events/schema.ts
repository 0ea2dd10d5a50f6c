import { builder } from '../graphql/builder.ts'
import { expectId, formatId } from '../kernel/ids.ts'

const DomainEventType = builder.prismaObject('DomainEvent', {
  fields: (t) => ({
    id: t.id({ description: '`evt_…`', resolve: ({ id }) => formatId('DomainEvent', id) }),
    type: t.exposeString('type', { description: 'Such as `order.paid`.' }),
    payload: t.expose('payload', { type: 'JSON', nullable: true, description: 'As given.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it happened.' }),
  }),
})

const EmitEventInput = builder.inputType('EmitEventInput', {
  description: 'An event of your own.',
  fields: (t) => ({
    type: t.string({
      required: true,
      description: 'Lower-case words joined by dots; artifact., comment., run. and job. are taken.',
    }),
    artifactId: t.id({ description: 'Starts the jobs of this artifact; absent: all of yours that wait for the type.' }),
    payload: t.field({ type: 'JSON', description: 'Reaches the runs that it starts; at most 256 KiB.' }),
  }),
})

builder.mutationField('emitEvent', (t) =>
  t.field({
    type: DomainEventType,
    errors: {},
    description: 'Starts each job that waits for this event, exactly once.',
    args: { input: t.arg({ type: EmitEventInput, required: true, description: 'The event.' }) },
    resolve: (_root, { input: { artifactId, ...input } }, { events, viewer }) =>
      events.emit(viewer, { ...input, artifactId: artifactId && expectId('Artifact', artifactId) }),
  }),
)
