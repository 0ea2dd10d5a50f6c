/** Events of a run in GraphQL: one type per kind, behind one interface. */
import type { RunEventKind, SkipReason } from '../db/generated/prisma/enums.ts'
import { grouped, loadBatched } from '../graphql/batch.ts'
import { builder } from '../graphql/builder.ts'
import { listComplexity } from '../graphql/list-args.ts'
import { NotFoundError, ValidationError } from '../kernel/errors.ts'
import { PAGE_LIMIT } from '../kernel/pages.ts'
import type { FeedEvent } from '../live/log-reader.ts'
import { SkipReasonEnum, StepStatusEnum } from './enums.ts'
import { RunErrorType, RunType } from './schema.ts'
import type { RunError } from './states.ts'

/** A new kind does not compile until it has a type. */
const typeOf: Record<RunEventKind, string> = {
  QUEUED: 'RunQueued',
  STARTED: 'RunStarted',
  STEP_STARTED: 'StepStarted',
  STEP_PROGRESS: 'StepProgress',
  STEP_LOG: 'StepLog',
  STEP_FINISHED: 'StepFinished',
  RETRYING: 'RunRetrying',
  SUCCEEDED: 'RunSucceeded',
  FAILED: 'RunFailed',
  CANCELLED: 'RunCancelled',
  SKIPPED: 'RunSkipped',
}

/** `data` is written by `transition/` only. */
export type EventOf<Data> = Omit<FeedEvent, 'data'> & { data: Data }

export const RunEventInterface = builder.interfaceRef<FeedEvent>('RunEvent').implement({
  description: 'Something that happened to a run.',
  resolveType: ({ kind }) => typeOf[kind],
  fields: (t) => ({
    cursor: t.string({
      description: 'Give it as `after` to go on behind this event.',
      resolve: ({ position }) => String(position),
    }),
    seq: t.exposeInt('seq', { description: 'Counts the events of the run from 1, without a gap.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When it happened.' }),
    run: t.loadable({
      type: RunType,
      description: 'The run as it is by now.',
      loaderOptions: { cache: false },
      load: async (ids: string[], { runs, viewer }) =>
        (await runs.byIds(viewer, ids)).map(
          (run) => run ?? new NotFoundError('you may not see this run any more'),
        ) as never,
      resolve: ({ runId }) => runId,
    }),
  }),
})

function plainEvent(kind: RunEventKind, description: string) {
  builder.objectRef<FeedEvent>(typeOf[kind]).implement({ description, interfaces: [RunEventInterface] })
}

plainEvent('QUEUED', 'It waits to be started, for the first time or because its node was stopped.')
plainEvent('SUCCEEDED', 'All its steps are done.')
plainEvent('CANCELLED', 'Somebody cancelled it.')

builder.objectRef<EventOf<{ attempt: number }>>(typeOf.STARTED).implement({
  description: 'An attempt began.',
  interfaces: [RunEventInterface as never],
  fields: (t) => ({ attempt: t.int({ description: 'From 1.', resolve: ({ data }) => data.attempt }) }),
})

builder.objectRef<EventOf<{ position: number; name: string }>>(typeOf.STEP_STARTED).implement({
  description: 'A step began.',
  interfaces: [RunEventInterface as never],
  fields: (t) => ({
    position: t.int({ description: 'Order among the steps, from 0.', resolve: ({ data }) => data.position }),
    name: t.string({ description: 'Name of the step.', resolve: ({ data }) => data.name }),
  }),
})

builder
  .objectRef<EventOf<{ position: number; name: string; status: 'SUCCEEDED' | 'FAILED'; error?: RunError }>>(
    typeOf.STEP_FINISHED,
  )
  .implement({
    description: 'A step ended.',
    interfaces: [RunEventInterface as never],
    fields: (t) => ({
      position: t.int({ description: 'Order among the steps, from 0.', resolve: ({ data }) => data.position }),
      name: t.string({ description: 'Name of the step.', resolve: ({ data }) => data.name }),
      status: t.field({
        type: StepStatusEnum,
        description: 'SUCCEEDED or FAILED.',
        resolve: ({ data }) => data.status,
      }),
      error: t.field({
        type: RunErrorType,
        nullable: true,
        description: 'Why it failed.',
        resolve: ({ data }) => data.error ?? null,
      }),
    }),
  })

builder.objectRef<EventOf<{ attempt: number; availableAt: string; error: RunError }>>(typeOf.RETRYING).implement({
  description: 'An attempt failed or was lost, and another will follow.',
  interfaces: [RunEventInterface as never],
  fields: (t) => ({
    attempt: t.int({ description: 'The attempt that failed.', resolve: ({ data }) => data.attempt }),
    availableAt: t.field({
      type: 'DateTime',
      description: 'When the next attempt may begin.',
      resolve: ({ data }) => new Date(data.availableAt),
    }),
    error: t.field({ type: RunErrorType, description: 'Why it failed.', resolve: ({ data }) => data.error }),
  }),
})

builder.objectRef<EventOf<{ error: RunError }>>(typeOf.FAILED).implement({
  description: 'Its last attempt failed.',
  interfaces: [RunEventInterface as never],
  fields: (t) => ({ error: t.field({ type: RunErrorType, description: 'Why.', resolve: ({ data }) => data.error }) }),
})

builder
  .objectRef<
    EventOf<{
      reason: SkipReason
      count: number
      until: string | null
    }>
  >(typeOf.SKIPPED)
  .implement({
    description: 'It did not become work.',
    interfaces: [RunEventInterface as never],
    fields: (t) => ({
      reason: t.field({ type: SkipReasonEnum, description: 'Why.', resolve: ({ data }) => data.reason }),
      count: t.int({ description: 'How many slots it stands for.', resolve: ({ data }) => data.count }),
    }),
  })

builder.prismaObjectField(RunType, 'events', (t) =>
  t.connection({
    type: RunEventInterface,
    description: 'What happened to it, oldest first; the cursors are those of the stream.',
    complexity: listComplexity,
    resolve: async ({ id }, { first, after, last, before }, context) => {
      if (last != null || before != null)
        throw ValidationError.at('last', 'events are read forward only: use first and after')
      const size = first ?? PAGE_LIMIT
      if (size < 0 || size > PAGE_LIMIT) throw ValidationError.at('first', `must be from 0 to ${PAGE_LIMIT}`)
      const events = await loadBatched(context, `Run.events ${size} ${after}`, id, async (ids) =>
        grouped(ids, await context.runs.events(ids, after, size + 1), ({ runId }) => runId),
      )
      const edges = events.slice(0, size).map((node) => ({ cursor: String(node.position), node }))
      return {
        edges,
        pageInfo: {
          hasNextPage: events.length > size,
          hasPreviousPage: Boolean(after),
          startCursor: edges[0]?.cursor ?? null,
          endCursor: edges.at(-1)?.cursor ?? null,
        },
        totalCount: () => context.runs.countEvents(id),
      }
    },
  }),
)
