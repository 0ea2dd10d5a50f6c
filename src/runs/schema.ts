import { ArtifactType } from '../artifacts/schema.ts'
import { grouped, loadBatched } from '../graphql/batch.ts'
import { addNode, builder } from '../graphql/builder.ts'
import type { Context } from '../graphql/context.ts'
import { ListOrderEnum, listComplexity } from '../graphql/list-args.ts'
import { fieldsRead, reads, rowFieldsRead } from '../graphql/selection.ts'
import type { ListedJob } from '../jobs/beside.ts'
import { JobType } from '../jobs/schema.ts'
import { NotFoundError } from '../kernel/errors.ts'
import { expectId, formatId, uuidOf } from '../kernel/ids.ts'
import { AttemptStatusEnum, RunStatusEnum, RunTriggerEnum, SkipReasonEnum, StepStatusEnum } from './enums.ts'
import { isFinal, type RunError } from './states.ts'

export const RunErrorType = builder.objectRef<RunError>('RunError').implement({
  description: 'Why an attempt, a step or a call failed.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'Stable, for programs: `HTTP_503`, `TIMEOUT`, `LOST` …' }),
    message: t.exposeString('message', { description: 'For people.' }),
    step: t.string({
      nullable: true,
      description: 'Name of the step that failed; null of an error that is not about one.',
      resolve: ({ step }) => step ?? null,
    }),
  }),
})

/** Stored as JSON, written by `transition/` only. */
const errorOf = (error: unknown) => error as RunError | null

export const RunType = builder.prismaObject('Run', {
  fields: (t) => ({
    job: t.loadable({
      type: JobType,
      description: 'What it is an execution of.',
      loaderOptions: { cache: false },
      load: async (ids: string[], { jobs, viewer }) =>
        (await jobs.byIds(viewer, ids)).map(
          (job) => job ?? new NotFoundError('you may not see this job any more'),
        ) as never,
      extensions: reads('jobId'),
      resolve: ({ jobId }) => jobId,
    }),
    artifact: t.loadable({
      type: ArtifactType,
      nullable: true,
      description: 'The artifact of its job.',
      loaderOptions: { cache: false },
      load: (ids: string[], { artifacts, viewer }) => artifacts.byIds(viewer, ids) as never,
      extensions: reads('artifactId'),
      resolve: ({ artifactId }) => artifactId,
    }),
    status: t.expose('status', { type: RunStatusEnum, description: 'Where it stands.' }),
    isFinal: t.boolean({
      description: 'Whether its status will never change again.',
      extensions: reads('status'),
      resolve: ({ status }) => isFinal(status),
    }),
    trigger: t.expose('trigger', { type: RunTriggerEnum, description: 'What started it.' }),
    scheduledFor: t.expose('scheduledFor', {
      type: 'DateTime',
      nullable: true,
      description: 'Its slot: the instant that the schedule asked for.',
    }),
    availableAt: t.expose('availableAt', {
      type: 'DateTime',
      description:
        'It does not start before this: its slot and its job’s place in the spread, or the end of a retry’s delay.',
    }),
    attempt: t.exposeInt('attempt', { description: 'How often it was started.' }),
    losses: t.exposeInt('losses', { description: 'Attempts that ended with their worker; they spend no retries.' }),
    queuedAt: t.expose('queuedAt', { type: 'DateTime', description: 'When it was made.' }),
    startedAt: t.expose('startedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When its first attempt began.',
    }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true, description: 'When it became final.' }),
    durationMs: t.int({
      nullable: true,
      description: 'From its first start to its end, in milliseconds.',
      extensions: reads('startedAt', 'finishedAt'),
      resolve: ({ startedAt, finishedAt }) => startedAt && finishedAt && finishedAt.getTime() - startedAt.getTime(),
    }),
    error: t.field({
      type: RunErrorType,
      nullable: true,
      description: 'Why the last attempt failed.',
      extensions: reads('error'),
      resolve: ({ error }) => errorOf(error),
    }),
    input: t.expose('input', { type: 'JSON', nullable: true, description: 'What it was started with by hand.' }),
    output: t.expose('output', { type: 'JSON', nullable: true, description: 'What its last step left.' }),
    warnings: t.exposeStringList('warnings', {
      description: 'What went wrong without failing it; of each step at most 10 things.',
    }),
    cancelRequestedAt: t.expose('cancelRequestedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When somebody asked it to stop.',
    }),
    skipReason: t.expose('skipReason', { type: SkipReasonEnum, nullable: true, description: 'Why it was SKIPPED.' }),
    skippedCount: t.exposeInt('skippedCount', {
      nullable: true,
      description: 'How many slots this SKIPPED run stands for; counted up to 1,000.',
    }),
    skippedUntil: t.expose('skippedUntil', {
      type: 'DateTime',
      nullable: true,
      description: 'The last of those slots; scheduledFor is the first.',
    }),
    steps: t.field({
      type: [RunStepType],
      description: 'Its steps that were begun, in order; at most 50.',
      extensions: reads('id'),
      resolve: ({ id }, _args, context) =>
        loadBatched(context, 'Run.steps', id, async (ids) =>
          grouped(ids, await context.runs.steps(ids), ({ runId }) => runId),
        ),
    }),
    attempts: t.field({
      type: [RunAttemptType],
      description: 'Its attempts, in order; at most 105.',
      extensions: reads('id'),
      resolve: ({ id }, _args, context) =>
        loadBatched(context, 'Run.attempts', id, async (ids) =>
          grouped(ids, await context.runs.attempts(ids), ({ runId }) => runId),
        ),
    }),
    deliveries: t.field({
      type: [DeliveryType],
      description: 'Its outgoing calls, the newest 100, in order.',
      extensions: reads('id'),
      resolve: ({ id }, _args, context) =>
        loadBatched(context, 'Run.deliveries', id, async (ids) =>
          grouped(ids, await context.runs.deliveries(ids), ({ runId }) => runId),
        ),
    }),
  }),
})

builder.prismaObjectField(RunType, 'retryOf', (t) =>
  t.loadable({
    type: RunType,
    nullable: true,
    description: 'The run that it does over again.',
    loaderOptions: { cache: false },
    load: (ids: string[], { runs, viewer }) => runs.byIds(viewer, ids) as never,
    resolve: ({ retryOfId }) => retryOfId,
  }),
)

addNode(RunType, (ids, { runs, viewer }) => runs.byIds(viewer, ids))

export const RunStepType = builder.prismaObject('RunStep', {
  fields: (t) => ({
    position: t.exposeInt('position', { description: 'Order among the steps, from 0.' }),
    kind: t.exposeString('kind', { description: 'The kind of its action.' }),
    name: t.exposeString('name', { description: 'The name of its action.' }),
    status: t.expose('status', { type: StepStatusEnum, description: 'How it ended, or RUNNING.' }),
    attempt: t.exposeInt('attempt', { description: 'The attempt that last worked on it.' }),
    output: t.expose('output', { type: 'JSON', nullable: true, description: 'What it left.' }),
    error: t.field({
      type: RunErrorType,
      nullable: true,
      description: 'Why it failed.',
      resolve: ({ error }) => errorOf(error),
    }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When it was begun.' }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true, description: 'When it ended.' }),
  }),
})

const RunAttemptType = builder.prismaObject('RunAttempt', {
  fields: (t) => ({
    attempt: t.exposeInt('attempt', { description: 'From 1.' }),
    status: t.expose('status', { type: AttemptStatusEnum, description: 'How it ended, or RUNNING.' }),
    error: t.field({
      type: RunErrorType,
      nullable: true,
      description: 'Why it failed.',
      resolve: ({ error }) => errorOf(error),
    }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When it began.' }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true, description: 'When it ended.' }),
  }),
})

export const DeliveryType = builder.prismaObject('Delivery', {
  fields: (t) => ({
    id: t.id({ description: '`dlv_…`', resolve: ({ id }) => formatId('Delivery', id) }),
    attempt: t.exposeInt('attempt', { description: 'The attempt that made the call.' }),
    position: t.exposeInt('position', { description: 'The step that made it.' }),
    method: t.exposeString('method', { description: 'HTTP method, or SMTP.' }),
    url: t.exposeString('url', {
      description: 'Where it went, without what is secret in it; of a mail `mailto:` and the recipient.',
    }),
    requestBytes: t.exposeInt('requestBytes', { description: 'Bytes of the body that was sent.' }),
    requestHeaders: t.expose('requestHeaders', {
      type: 'JSON',
      nullable: true,
      description: 'Headers that were sent, name to value; secrets are left out.',
    }),
    status: t.exposeInt('status', {
      nullable: true,
      description: 'Status of the answer, of HTTP or of SMTP; null if there was none.',
    }),
    responseHeaders: t.expose('responseHeaders', {
      type: 'JSON',
      nullable: true,
      description: 'Headers of the answer, name to value.',
    }),
    responseBody: t.string({
      nullable: true,
      description: 'The first 20,000 bytes of the answer, as UTF-8.',
      resolve: ({ responseBody }) => responseBody && Buffer.from(responseBody).toString('utf8'),
    }),
    truncated: t.exposeBoolean('truncated', { description: 'Whether the answer was longer.' }),
    error: t.field({
      type: RunErrorType,
      nullable: true,
      description: 'Why there was no whole answer.',
      resolve: ({ error }) => errorOf(error),
    }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When the call began.' }),
    durationMs: t.exposeInt('durationMs', { description: 'How long it took, in milliseconds.' }),
  }),
})

type RunsArgs = Parameters<Context['runs']['ofJobs']>[1]

/** Of a job, together with all others of which the same is asked. */
const runsOf = (context: Context, jobId: string, args: RunsArgs, wanted: ReadonlySet<string> | null) =>
  loadBatched(context, `Job.runs ${JSON.stringify([args, wanted && [...wanted].sort()])}`, jobId, (ids) =>
    context.runs.ofJobs(ids, args, wanted),
  )

builder.prismaObjectFields(JobType, (t) => ({
  lastRun: t.field({
    type: RunType,
    nullable: true,
    description: 'Its newest run, whatever its state.',
    extensions: reads('id'),
    resolve: async ({ id }, _args, context, info) => {
      const page = await runsOf(context, id, { first: 1 }, fieldsRead(info, 'Run'))
      return page.edges[0]?.node ?? null
    },
  }),
  runs: t.connection({
    type: RunType,
    description: 'Its runs, newest first.',
    complexity: listComplexity,
    args: { status: t.arg({ type: RunStatusEnum, description: 'Only those in this state.' }) },
    extensions: reads('id'),
    resolve: (job: ListedJob, args, context, info) =>
      job.runs
        ? context.runs.firstOfJob(job.id, args.first, job.runs)
        : runsOf(context, job.id, args, rowFieldsRead(info, 'Run')),
  }),
}))

export const RunFilterInput = builder.inputType('RunFilter', {
  description: 'Runs for which all of this holds.',
  fields: (t) => ({
    jobId: t.id({ description: 'Of this job.' }),
    artifactId: t.id({ description: 'Of jobs on this artifact.' }),
    status: t.field({ type: RunStatusEnum, description: 'In this state.' }),
    trigger: t.field({ type: RunTriggerEnum, description: 'Started by this.' }),
    since: t.field({ type: 'DateTime', description: 'Made at or after this instant.' }),
    until: t.field({ type: 'DateTime', description: 'Made before this instant.' }),
  }),
})

/** A filter as a client gives it, with prefixed ids → as the service takes it. */
export const runFilterOf = (filter: typeof RunFilterInput.$inferInput) => ({
  ...filter,
  jobId: filter.jobId && expectId('Job', filter.jobId),
  artifactId: filter.artifactId && expectId('Artifact', filter.artifactId),
})

builder.queryFields((t) => ({
  run: t.field({
    type: RunType,
    nullable: true,
    description: 'One run; null if there is none that you may read.',
    args: { id: t.arg.id({ required: true, description: '`run_…`' }) },
    resolve: (_root, { id }, { runs, viewer }) => {
      const uuid = uuidOf('Run', id)
      return uuid ? runs.find(viewer, uuid) : null
    },
  }),
  runs: t.connection({
    type: RunType,
    description: 'Runs of your jobs; for administrators of all.',
    complexity: listComplexity,
    args: {
      filter: t.arg({ type: RunFilterInput, description: 'Only runs for which all of this holds.' }),
      orderBy: t.arg({ type: ListOrderEnum, defaultValue: 'NEWEST', description: 'In which order.' }),
    },
    resolve: (_root, { filter, ...args }, { runs, viewer }) =>
      runs.list(viewer, { ...args, filter: filter && runFilterOf(filter) }),
  }),
}))
