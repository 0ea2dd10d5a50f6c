import { ActionInputType } from '../actions/schema.ts'
import { builder } from '../graphql/builder.ts'
import { expectId } from '../kernel/ids.ts'
import { ScheduleInputType } from '../schedules/schema.ts'
import { JobDatasetInputType } from './dataset-schema.ts'
import { BackoffEnum, CatchUpPolicyEnum, DstGapPolicyEnum, OverlapPolicyEnum, RetryOnEnum } from './enums.ts'
import { JobType } from './schema.ts'

const RetryPolicyInput = builder.inputType('RetryPolicyInput', {
  description: 'Absent fields are unchanged or take their default.',
  fields: (t) => ({
    maxAttempts: t.int({ description: 'Counts the first try; 1 to 100. Default 1.' }),
    backoff: t.field({ type: BackoffEnum, description: 'How the delay grows. Default EXPONENTIAL.' }),
    initialDelay: t.int({ description: 'Seconds before the second try. Default 10.' }),
    maxDelay: t.int({ description: 'Seconds; no delay is longer. Default 3,600.' }),
    jitter: t.boolean({ description: 'Whether delays vary by ±20 %. Default true.' }),
    retryOn: t.field({ type: RetryOnEnum, description: 'Which failures are tried again. Default TRANSIENT.' }),
  }),
})

const ConcurrencyInput = builder.inputType('ConcurrencyInput', {
  description: 'How many runs may work at once.',
  fields: (t) => ({
    limit: t.int({ required: true, description: '1 to 10,000.' }),
    key: t.string({ description: 'Shared by jobs of one owner that name it; absent: for this job alone.' }),
  }),
})

type InputFields = Parameters<Parameters<typeof builder.inputType>[1]['fields']>[0]

/** What a create and an update have in common. */
const settings = (t: InputFields) => ({
  name: t.string({ description: 'At most 200 characters.' }),
  description: t.string({ description: 'At most 1,000 characters.' }),
  notes: t.string({ description: 'At most 10,000 characters.' }),
  tags: t.stringList({ description: 'At most 50 words that it is found by, in place of those that were there.' }),
  datasets: t.field({
    type: [JobDatasetInputType],
    description: 'At most 20 datasets that its actions know by aliases, in place of those that were there.',
  }),
  schedule: t.field({ type: ScheduleInputType, description: 'When it fires; not together with eventType.' }),
  scheduleId: t.id({
    description: '`sch_…`: it shares this schedule, made by `createSchedule`; in the place of one of its own.',
  }),
  eventType: t.string({
    description:
      'The event that starts it: `artifact.updated`, `run.failed`, `job.paused` or one of your own; not together with schedule.',
  }),
  startOn: t.field({ type: 'DateTime', description: 'No slot before this, and no event.' }),
  endOn: t.field({ type: 'DateTime', description: 'No slot after this, and no event.' }),
  retry: t.field({ type: RetryPolicyInput, description: 'What happens after a failed attempt.' }),
  overlap: t.field({
    type: OverlapPolicyEnum,
    description: 'Null: SKIP for slots, QUEUE_ALL for events and runs by hand.',
  }),
  catchUp: t.field({ type: CatchUpPolicyEnum, description: 'What happens to slots that were missed. Default LATEST.' }),
  catchUpWindow: t.int({ description: 'Seconds; what was missed longer ago is not caught up. Default 86,400.' }),
  dstGap: t.field({ type: DstGapPolicyEnum, description: 'Fixed times in a gap of the clock. Default RUN_AFTER_GAP.' }),
  timeout: t.int({ description: 'Seconds that one attempt may take; 1 to 86,400. Default 60.' }),
  spread: t.int({
    description: 'Seconds over which slots are spread; 0 to 86,400, and shorter than an interval. Default 0.',
  }),
  priority: t.int({ description: '-100 to 100; lower goes first. Default 0.' }),
  concurrency: t.field({ type: ConcurrencyInput, description: 'How many runs may work at once. Null: no limit.' }),
})

const CreateJobInput = builder.inputType('CreateJobInput', {
  description: 'A new job. Without schedule and eventType it is run by hand.',
  fields: (t) => ({
    artifactId: t.id({ description: 'The artifact that it is put on.' }),
    actions: t.field({
      type: [ActionInputType],
      description: 'Its steps, in order; 1 to 50. Exactly one of this and stackId.',
    }),
    stackId: t.id({ description: '`stk_…`: its steps are those of this stack, of the same owner.' }),
    enabled: t.boolean({ defaultValue: true, description: 'False: paused from the start.' }),
    ...settings(t),
  }),
})

const UpdateJobInput = builder.inputType('UpdateJobInput', {
  description: 'Absent fields stay as they are; null clears.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: '`job_…`' }),
    actions: t.field({ type: [ActionInputType], description: 'Replaces all steps, or the stack; 1 to 50.' }),
    stackId: t.id({ description: '`stk_…`: replaces all steps by those of this stack. Not together with actions.' }),
    version: t.int({ description: 'The version that you know: another one is a ConflictError.' }),
    ...settings(t),
  }),
})

const jobIdInput = (name: string, description: string) =>
  builder.inputType(name, {
    description,
    fields: (t) => ({ jobId: t.id({ required: true, description: '`job_…`' }) }),
  })

const scheduleOf = (id: string | null | undefined) => (id == null ? undefined : expectId('Schedule', id))
const stackOf = (id: string | null | undefined) => (id == null ? id : expectId('Stack', id))

const PauseJobInput = jobIdInput('PauseJobInput', 'Which job to pause.')
const ResumeJobInput = jobIdInput('ResumeJobInput', 'Which job to resume.')
const RotateSigningSecretInput = jobIdInput('RotateSigningSecretInput', 'Which job gets a new secret.')
const DeleteJobInput = jobIdInput('DeleteJobInput', 'Which job to delete.')

builder.mutationFields((t) => ({
  createJob: t.field({
    type: JobType,
    errors: {},
    description: 'Makes a job of your own.',
    args: { input: t.arg({ type: CreateJobInput, required: true, description: 'The job.' }) },
    resolve: (_root, { input: { artifactId, stackId, scheduleId, ...input } }, { jobs, viewer }) =>
      jobs.create(viewer, {
        ...input,
        scheduleId: scheduleOf(scheduleId),
        artifactId: artifactId && expectId('Artifact', artifactId),
        stackId: stackOf(stackId),
      }),
  }),
  updateJob: t.field({
    type: JobType,
    errors: {},
    description: 'Changes a job. An edit of the schedule fires no slot that is past, and an interval keeps its grid.',
    args: { input: t.arg({ type: UpdateJobInput, required: true, description: 'What to change.' }) },
    resolve: (_root, { input: { jobId, stackId, scheduleId, ...input } }, { jobs, viewer }) =>
      jobs.update(viewer, {
        ...input,
        scheduleId: scheduleOf(scheduleId),
        jobId: expectId('Job', jobId),
        stackId: stackOf(stackId),
      }),
  }),
  pauseJob: t.field({
    type: JobType,
    errors: {},
    description: 'No slot or event starts it until it is resumed; by hand it still runs.',
    args: { input: t.arg({ type: PauseJobInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input }, { jobs, viewer }) => jobs.pause(viewer, expectId('Job', input.jobId)),
  }),
  resumeJob: t.field({
    type: JobType,
    errors: {},
    description: 'Goes on with the first slot after now; what fell into the pause is not made up for.',
    args: { input: t.arg({ type: ResumeJobInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input }, { jobs, viewer }) => jobs.resume(viewer, expectId('Job', input.jobId)),
  }),
  rotateSigningSecret: t.field({
    type: JobType,
    errors: {},
    description:
      'Gives a job a new signing secret; for 24 hours the old one signs beside it, so that receivers can change over.',
    args: { input: t.arg({ type: RotateSigningSecretInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input }, { jobs, viewer }) => jobs.rotateSigningSecret(viewer, expectId('Job', input.jobId)),
  }),
  deleteJob: t.field({
    type: JobType,
    errors: {},
    description: 'Deletes a job: what waits is skipped, what runs finishes, and its runs can still be read.',
    args: { input: t.arg({ type: DeleteJobInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input }, { jobs, viewer }) => jobs.remove(viewer, expectId('Job', input.jobId)),
  }),
}))
