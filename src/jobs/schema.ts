import type { GraphQLResolveInfo } from 'graphql'
import { ActionType } from '../actions/schema.ts'
import { ArtifactType } from '../artifacts/schema.ts'
import type { Job } from '../db/generated/prisma/client.ts'
import { loadBatched } from '../graphql/batch.ts'
import { addNode, builder } from '../graphql/builder.ts'
import type { Context } from '../graphql/context.ts'
import { listComplexity } from '../graphql/list-args.ts'
import { loadOwner } from '../graphql/owner.ts'
import { askedOf, reads, rowFieldsRead } from '../graphql/selection.ts'
import { PrincipalType } from '../identity/schema.ts'
import { expectId, uuidOf } from '../kernel/ids.ts'
import { DEFAULT_SIZE, PAGE_LIMIT } from '../kernel/pages.ts'
import { RunStatusEnum } from '../runs/enums.ts'
import { ScheduleType } from '../schedules/schema.ts'
import type { Beside, ListedJob } from './beside.ts'
import { JobDatasetType } from './dataset-schema.ts'
import {
  BackoffEnum,
  CatchUpPolicyEnum,
  DstGapPolicyEnum,
  JobOrderEnum,
  JobTriggerEnum,
  OverlapPolicyEnum,
  RetryOnEnum,
  SurfaceEnum,
} from './enums.ts'
import { LEVEL } from './rights.ts'

const RetryPolicyType = builder.objectRef<Job>('RetryPolicy').implement({
  description: 'Whether and when a failed attempt is followed by another.',
  fields: (t) => ({
    maxAttempts: t.exposeInt('maxAttempts', { description: 'Counts the first try.' }),
    backoff: t.expose('backoff', { type: BackoffEnum, description: 'How the delay grows.' }),
    initialDelay: t.exposeInt('initialDelay', { description: 'Seconds before the second try.' }),
    maxDelay: t.exposeInt('maxDelay', { description: 'Seconds; no delay is longer, unless the receiver asks for it.' }),
    jitter: t.exposeBoolean('jitter', { description: 'Whether delays vary by ±20 %.' }),
    retryOn: t.expose('retryOn', { type: RetryOnEnum, description: 'Which failures are tried again.' }),
  }),
})

const ConcurrencyType = builder.objectRef<{ limit: number; key: string | null }>('Concurrency').implement({
  description: 'How many runs may work at once; the others wait.',
  fields: (t) => ({
    limit: t.exposeInt('limit', { description: 'So many.' }),
    key: t.exposeString('key', {
      nullable: true,
      description: 'Jobs of one owner with the same key share the limit; null: the job is alone with it.',
    }),
  }),
})

const TagType = builder.prismaObject('Tag', {
  description: 'A word that jobs are found by; the same for everybody.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'UUID.' }),
    name: t.exposeString('name', { description: 'The word.' }),
  }),
})

export const JobType = builder.prismaObject('Job', {
  fields: (t) => ({
    surface: t.expose('surface', { type: SurfaceEnum, description: 'The API through which it was made.' }),
    number: t.exposeInt('number', { description: 'Integer id.' }),
    name: t.exposeString('name', { nullable: true, description: 'As given.' }),
    displayName: t.string({
      description: 'The name or, without one, what it does.',
      resolve: async (job, _args, context) =>
        job.name ?? `${(await actionsOf(job, context))[0]?.kind ?? 'job'} #${job.number}`,
    }),
    description: t.exposeString('description', { nullable: true, description: 'For readers.' }),
    notes: t.exposeString('notes', { nullable: true, description: 'For those who look after it.' }),
    owner: t.field({
      type: PrincipalType,
      description: 'Whose it is.',
      extensions: reads('ownerId'),
      resolve: (job: ListedJob, _args, context, info) => job.owner ?? loadOwner(context, job.ownerId, info),
    }),
    artifact: t.loadable({
      type: ArtifactType,
      nullable: true,
      description: 'The artifact that it is put on.',
      loaderOptions: { cache: false },
      load: (ids: string[], { artifacts, viewer }) => artifacts.byIds(viewer, ids) as never,
      extensions: reads('artifactId'),
      resolve: ({ artifactId }) => artifactId,
    }),
    slug: t.exposeString('slug', {
      nullable: true,
      description: 'Unique within its owner, for clients that know jobs by names; null: they do not.',
    }),
    tags: t.field({
      type: [TagType],
      description: 'Words that it is found by, at most 50, in the order of the alphabet.',
      extensions: reads('id'),
      resolve: ({ id }, _args, context) => loadBatched(context, 'Job.tags', id, (ids) => context.jobs.tagsOf(ids)),
    }),
    type: t.exposeString('type', {
      nullable: true,
      description: 'What its first step is, in the words of Informer’s clients; null: they did not make it.',
    }),
    heldAt: t.expose('heldAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Since when an administrator holds it: no slot fires, and nobody runs it.',
    }),
    schedule: t.field({
      type: ScheduleType,
      nullable: true,
      description: 'When it fires; null for event jobs and those run by hand.',
      extensions: reads('scheduleId'),
      resolve: (job, _args, context) => scheduleOf(job, context),
    }),
    trigger: t.expose('trigger', { type: JobTriggerEnum, description: 'What starts it by itself.' }),
    eventType: t.exposeString('eventType', { nullable: true, description: 'The event that starts it.' }),
    actions: t.field({
      type: [ActionType],
      description: 'Its steps, in order, or those of its stack; at most 50.',
      resolve: (job, _args, context) => actionsOf(job, context),
    }),
    datasets: t.field({
      type: [JobDatasetType],
      description: 'Datasets that it works with by names of its own, at most 20, in order.',
      resolve: ({ id }, _args, context) =>
        loadBatched(context, 'Job.datasets', id, (ids) => context.jobs.datasetsOf(ids)),
    }),
    hidden: t.exposeBoolean('hidden', {
      description: 'True for what runs of its stack by itself belong to: it is in no list, and changes with the stack.',
    }),
    enabled: t.exposeBoolean('enabled', { description: 'False while it is paused.' }),
    deletionQueued: t.exposeBoolean('deletionQueued', {
      description: 'Whether its next slot deletes it, and does not run it.',
    }),
    pausedAt: t.expose('pausedAt', { type: 'DateTime', nullable: true, description: 'When it was paused.' }),
    pauseReason: t.exposeString('pauseReason', {
      nullable: true,
      description:
        'Why it was paused, if nobody did it by hand: its receiver answered 410, or its artifact was deleted.',
    }),
    startOn: t.expose('startOn', {
      type: 'DateTime',
      nullable: true,
      description: 'No slot before this, and no event.',
    }),
    endOn: t.expose('endOn', { type: 'DateTime', nullable: true, description: 'No slot after this, and no event.' }),
    nextRunAt: t.expose('nextRunAt', { type: 'DateTime', nullable: true, description: 'Its next slot.' }),
    lastRunAt: t.expose('lastRunAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the newest finished run was started.',
    }),
    lastStatus: t.expose('lastStatus', {
      type: RunStatusEnum,
      nullable: true,
      description: 'The last final status but SKIPPED.',
    }),
    retry: t.field({
      type: RetryPolicyType,
      description: 'What happens after a failed attempt.',
      resolve: (job) => job,
    }),
    overlap: t.expose('overlap', {
      type: OverlapPolicyEnum,
      nullable: true,
      description: 'Null: SKIP for slots, QUEUE_ALL for events and runs by hand.',
    }),
    catchUp: t.expose('catchUp', { type: CatchUpPolicyEnum, description: 'What happens to slots that were missed.' }),
    catchUpWindow: t.exposeInt('catchUpWindow', {
      description: 'Seconds; what was missed longer ago is not caught up.',
    }),
    dstGap: t.expose('dstGap', {
      type: DstGapPolicyEnum,
      description: 'What happens to fixed times that fall into a gap of the clock.',
    }),
    timeout: t.exposeInt('timeoutSeconds', {
      nullable: true,
      description: 'Seconds that one attempt may take; null: as many as it needs.',
    }),
    spread: t.exposeInt('spread', {
      description: 'Seconds over which its slots are spread, so that jobs of one time do not all begin at once.',
    }),
    spreadOffsetMs: t.exposeInt('spreadOffsetMs', {
      description: 'Its place in the spread: milliseconds after the slot, always the same.',
    }),
    priority: t.exposeInt('priority', { description: 'Among runs that could start, lower goes first.' }),
    concurrency: t.field({
      type: ConcurrencyType,
      nullable: true,
      description: 'How many of its runs may work at once; null: no limit of its own.',
      resolve: (job) =>
        job.concurrencyLimit === null ? null : { limit: job.concurrencyLimit, key: job.concurrencyKey },
    }),
    upcoming: t.field({
      type: ['DateTime'],
      description: 'Its next slots; none while it is paused, or if the next deletes it.',
      complexity: ({ count }) => 5 * Math.max(count ?? 5, 1),
      args: { count: t.arg.int({ defaultValue: 5, description: '1 to 100.' }) },
      resolve: async (job, { count }, context) =>
        context.jobs.upcoming(job, await scheduleOf(job, context), count ?? 5),
    }),
    signingSecret: t.string({
      nullable: true,
      description: 'The secret that signs its webhooks (Standard Webhooks), for its owner.',
      authScopes: (job, _args, context) => mayEdit(job, context),
      complexity: 10,
      resolve: (job, _args, { jobs, viewer }) => jobs.signingSecret(viewer, job),
    }),
    previousSecretUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Until when the secret before the last rotation signs beside the new one; null: it does not.',
      resolve: ({ id }, _args, context) =>
        loadBatched(context, 'Job.previousSecretUntil', id, (ids) => context.jobs.previousSecretUntil(ids)),
    }),
    version: t.exposeInt('version', {
      description: 'Rises with every change; give it to an update to exclude lost ones.',
    }),
    deletedAt: t.expose('deletedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was deleted; its runs still show it.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
  }),
})

addNode(JobType, async (ids, { jobs, viewer }) =>
  (await jobs.byIds(viewer, ids)).map((job) => (job?.deletedAt ? null : job)),
)

const mayEdit = async (job: Job, { jobs, viewer }: Context) =>
  ((await jobs.accessTo(viewer, [job]))[0]?.level ?? LEVEL.NONE) >= LEVEL.EDIT

const scheduleOf = ({ scheduleId }: Pick<Job, 'scheduleId'>, context: Context) =>
  scheduleId ? loadBatched(context, 'Job.schedule', scheduleId, (ids) => context.schedules.byIds(ids)) : null

const actionsOf = (job: Job, context: Context) =>
  loadBatched(context, 'Job.actions', job, (jobs) => context.jobs.actionsOf(context.viewer, jobs))

builder.queryFields((t) => ({
  job: t.field({
    type: JobType,
    nullable: true,
    description: 'One job; null if there is none that you may read.',
    args: { id: t.arg.id({ required: true, description: '`job_…`' }) },
    resolve: (_root, { id }, { jobs, viewer }) => {
      const uuid = uuidOf('Job', id)
      return uuid ? jobs.find(viewer, uuid) : null
    },
  }),
  jobs: t.connection({
    type: JobType,
    description: 'Your jobs, those of your teams, and those that are shared with you; of administrators all.',
    complexity: listComplexity,
    args: {
      filter: t.arg({ type: JobFilterInput, description: 'Only jobs for which all of this holds.' }),
      orderBy: t.arg({
        type: JobOrderEnum,
        description: 'In which order. Default RELEVANCE with a search, else NEWEST.',
      }),
    },
    resolve: (_root, { filter, ...args }, { jobs, viewer }, info) => {
      const asked = { ...args, filter: filter && jobFilterOf(filter) }
      return jobs.list(viewer, asked, rowFieldsRead(info, 'Job'), besideOf(info))
    },
  }),
}))

/** What comes with the jobs of a list: their owners, and the first of their runs. */
function besideOf(info: GraphQLResolveInfo): Beside {
  const of = (field: string) => ({ type: 'Job', field, path: ['edges', 'node'] })
  const owner = askedOf(info, of('owner'), { type: 'Principal' })
  const runs = askedOf(info, of('runs'), { type: 'Run', path: ['edges', 'node'] })
  const limit = runs && firstOf(runs.args)
  return { owner: owner?.wanted, ...(limit && { runs: { limit: limit + 1, wanted: runs.wanted } }) }
}

/** How many rows a list begins with; null: more is asked of it, or what is refused where it stands. */
function firstOf({ first, ...others }: Record<string, unknown>): number | null {
  if (Object.values(others).some((value) => value != null)) return null
  const size = first ?? DEFAULT_SIZE
  return typeof size === 'number' && size > 0 && size <= PAGE_LIMIT ? size : null
}

export const JobFilterInput = builder.inputType('JobFilter', {
  description: 'Jobs for which all of this holds.',
  fields: (t) => ({
    search: t.string({
      description:
        'With all of these words, or words that begin so, in its name or description, whatever the case. Punctuation splits words.',
    }),
    surface: t.field({ type: SurfaceEnum, description: 'Made through this API.' }),
    enabled: t.boolean({ description: 'Not paused, or paused.' }),
    artifactId: t.id({ description: 'On this artifact.' }),
    ownerHandle: t.string({ description: 'Of this owner; a team with or without `team:`.' }),
    lastStatus: t.field({ type: RunStatusEnum, description: 'Whose last run ended so.' }),
    tag: t.string({ description: 'With the tag of this name.' }),
  }),
})

/** A filter as a client gives it, with prefixed ids → as the service takes it. */
export const jobFilterOf = (filter: typeof JobFilterInput.$inferInput) => ({
  ...filter,
  artifactId: filter.artifactId && expectId('Artifact', filter.artifactId),
})
