/** Mutations on runs: starting, stopping, doing over. */
import type { Run } from '../db/generated/prisma/client.ts'
import { builder } from '../graphql/builder.ts'
import { listComplexity } from '../graphql/list-args.ts'
import { OverlapPolicyEnum } from '../jobs/enums.ts'
import { JobType } from '../jobs/schema.ts'
import { expectId } from '../kernel/ids.ts'
import type { Backfill, ManyRuns } from './control.ts'
import { RunFilterInput, RunType, runFilterOf } from './schema.ts'

const PRIORITY = '-100 to 100, lower goes first; for this request only.'

const RunJobInput = builder.inputType('RunJobInput', {
  description: 'A run by hand.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: '`job_…`' }),
    payload: t.field({ type: 'JSON', description: 'Becomes the run’s input; at most 256 KiB.' }),
    overlap: t.field({
      type: OverlapPolicyEnum,
      description: 'For this run only. Default: the job’s, else QUEUE_ALL.',
    }),
    priority: t.int({ description: `${PRIORITY} Default: the job’s.` }),
  }),
})

const BackfillJobInput = builder.inputType('BackfillJobInput', {
  description: 'Past slots of a job, to be made up for.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: '`job_…`' }),
    from: t.field({ type: 'DateTime', required: true, description: 'The first slot is at or after this.' }),
    to: t.field({ type: 'DateTime', required: true, description: 'The last slot is before this, which is past.' }),
    onlyMissing: t.boolean({
      defaultValue: true,
      description: 'Only slots without a run that succeeded or may still do so.',
    }),
    overlap: t.field({
      type: OverlapPolicyEnum,
      description: 'For these runs only. Default: the job’s, else QUEUE_ALL; all of them may wait for each other.',
    }),
    priority: t.int({ description: `${PRIORITY} Default: 10 behind the job’s.` }),
  }),
})

const runIdInput = (name: string, description: string) =>
  builder.inputType(name, {
    description,
    fields: (t) => ({ runId: t.id({ required: true, description: '`run_…`' }) }),
  })

const runFilterInput = (name: string, description: string, status: string) =>
  builder.inputType(name, {
    description,
    fields: (t) => ({
      filter: t.field({ type: RunFilterInput, required: true, description: status }),
      limit: t.int({ defaultValue: 100, description: '1 to 100; the oldest first.' }),
    }),
  })

const CancelRunInput = runIdInput('CancelRunInput', 'Which run to stop.')
const RetryRunInput = runIdInput('RetryRunInput', 'Which run to do over.')
const CancelRunsInput = runFilterInput('CancelRunsInput', 'Which runs to stop.', 'Of these, those that are not final.')
const RetryRunsInput = runFilterInput(
  'RetryRunsInput',
  'Which runs to do over.',
  'Of these, those that nobody has done over yet; without a status the FAILED ones.',
)

const BackfillType = builder.objectRef<Backfill>('Backfill').implement({
  description: 'What became of the slots of a range.',
  fields: (t) => ({
    job: t.expose('job', { type: JobType, description: 'The job.' }),
    slots: t.exposeInt('slots', { description: 'Slots in the range.' }),
    present: t.exposeInt('present', { description: 'Those that were left alone, as they are not missing.' }),
    queued: t.exposeInt('queued', { description: 'Those that became runs.' }),
    skipped: t.exposeInt('skipped', { description: 'Those that the overlap policy did not let in.' }),
  }),
})

const manyRuns = (name: string, description: string) =>
  builder.objectRef<ManyRuns>(name).implement({
    description,
    fields: (t) => ({
      runs: t.field({
        type: [RunType],
        description: 'The runs, the oldest first; at most 100.',
        complexity: listComplexity({ first: 100 }),
        resolve: ({ runs }): Run[] => runs,
      }),
      hasMore: t.exposeBoolean('hasMore', { description: 'Whether there are others: ask again.' }),
    }),
  })

const CancelledRuns = manyRuns('CancelledRuns', 'Runs that were ended or asked to stop.')
const RetriedRuns = manyRuns('RetriedRuns', 'The new runs.')

builder.mutationFields((t) => ({
  runJob: t.field({
    type: RunType,
    errors: {},
    description: 'Runs a job now, even a paused one.',
    args: { input: t.arg({ type: RunJobInput, required: true, description: 'Which, and with what.' }) },
    resolve: (_root, { input: { jobId, ...input } }, { runs, viewer }) =>
      runs.start(viewer, { ...input, jobId: expectId('Job', jobId) }),
  }),
  backfillJob: t.field({
    type: BackfillType,
    errors: {},
    description:
      'Queues runs for past slots of a job, at most 10,000; all of them or, after an error, none. While they last they are runs of the job like any other: under the overlap SKIP, slots that come due are skipped.',
    args: { input: t.arg({ type: BackfillJobInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input: { jobId, ...input } }, { runs, viewer }) =>
      runs.backfill(viewer, { ...input, jobId: expectId('Job', jobId) }),
  }),
  cancelRun: t.field({
    type: RunType,
    errors: {},
    description:
      'Stops a run. One that waits ends at once; one that runs is asked to, and ended by force when it does not.',
    args: { input: t.arg({ type: CancelRunInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input }, { runs, viewer }) => runs.cancel(viewer, expectId('Run', input.runId)),
  }),
  retryRun: t.field({
    type: RunType,
    errors: {},
    description:
      'Does a run over that has ended: a new run of its job as that is now, with the same slot, event and input.',
    args: { input: t.arg({ type: RetryRunInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input }, { runs, viewer }) => runs.retry(viewer, expectId('Run', input.runId)),
  }),
  cancelRuns: t.field({
    type: CancelledRuns,
    errors: {},
    description: 'Stops many runs.',
    args: { input: t.arg({ type: CancelRunsInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input: { filter, limit } }, { runs, viewer }) =>
      runs.cancelMany(viewer, runFilterOf(filter), limit ?? null),
  }),
  retryRuns: t.field({
    type: RetriedRuns,
    errors: {},
    description: 'Does many runs over; asked again, it goes on with those that are left.',
    args: { input: t.arg({ type: RetryRunsInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input: { filter, limit } }, { runs, viewer }) =>
      runs.retryMany(viewer, runFilterOf(filter), limit ?? null),
  }),
}))
