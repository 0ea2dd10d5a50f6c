/** `testAction`. */
import { builder } from '../graphql/builder.ts'
import { expectId } from '../kernel/ids.ts'
import { DeliveryType, RunErrorType } from '../runs/schema.ts'
import { ActionInputType } from './schema.ts'
import type { Trial } from './trial.ts'

const TestActionInput = builder.inputType('TestActionInput', {
  description: 'An action to try out.',
  fields: (t) => ({
    action: t.field({ type: ActionInputType, required: true, description: 'What to do. Its effect is real.' }),
    jobId: t.id({ description: 'As an action of this job: with its artifact, signed with its secret.' }),
    artifactId: t.id({ description: 'As an action of a job on this artifact; not together with jobId.' }),
    payload: t.field({ type: 'JSON', description: 'What the run would have as its input.' }),
    steps: t.field({
      type: 'JSON',
      description: 'What earlier steps would have left, for templates: the name of a step → its output.',
    }),
  }),
})

const TestedActionType = builder.objectRef<Trial>('TestedAction').implement({
  description: 'What came of trying an action out. Nothing of it is kept.',
  fields: (t) => ({
    ok: t.boolean({ description: 'Whether it succeeded.', resolve: ({ failure }) => failure === null }),
    output: t.expose('output', { type: 'JSON', nullable: true, description: 'What it would leave to later steps.' }),
    error: t.field({
      type: RunErrorType,
      nullable: true,
      description: 'Why it failed.',
      resolve: ({ failure }) => failure,
    }),
    warnings: t.exposeStringList('warnings', { description: 'What went wrong without failing it, at most 10 things.' }),
    deliveries: t.field({
      type: [DeliveryType],
      description: 'Its outgoing calls, in order, at most 10.',
      resolve: ({ deliveries }) => deliveries,
    }),
    durationMs: t.exposeInt('durationMs', { description: 'How long it took, in milliseconds.' }),
  }),
})

builder.mutationField('testAction', (t) =>
  t.field({
    type: TestedActionType,
    errors: {},
    description: 'Does an action once, now, without a job; it may take 30 seconds. Wants jobs:write and jobs:run.',
    args: { input: t.arg({ type: TestActionInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input: { jobId, artifactId, ...input } }, { trials, viewer }) =>
      trials.try(viewer, {
        ...input,
        jobId: jobId && expectId('Job', jobId),
        artifactId: artifactId && expectId('Artifact', artifactId),
      }),
  }),
)
