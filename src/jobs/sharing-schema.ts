/** Who may do what with a job, and whose it is. */

import { loadBatched } from '../graphql/batch.ts'
import { builder } from '../graphql/builder.ts'
import { PrincipalType } from '../identity/schema.ts'
import { expectId } from '../kernel/ids.ts'
import { permissionsOf } from './rights.ts'
import { JobType } from './schema.ts'
import type { ShareOfPrincipal } from './sharing.ts'

const JobPermissionsType = builder.objectRef<ReturnType<typeof permissionsOf>>('JobPermissions').implement({
  description: 'What you may do with a job, with a token that may.',
  fields: (t) => ({
    read: t.exposeBoolean('read', { description: 'See it and its runs.' }),
    edit: t.exposeBoolean('edit', { description: 'Change it, see its secrets, and hand it to another owner.' }),
    run: t.exposeBoolean('run', { description: 'Start its runs, and stop them.' }),
    delete: t.exposeBoolean('delete', { description: 'Delete it.' }),
    share: t.exposeBoolean('share', { description: 'Let others in.' }),
  }),
})

const JobShareType = builder.objectRef<ShareOfPrincipal>('JobShare').implement({
  description: 'Whom a job is shared with.',
  fields: (t) => ({
    principal: t.expose('principal', {
      type: PrincipalType,
      description: 'A user, or a team and with it its members.',
    }),
    level: t.exposeInt('level', { description: '1 reads; 2 also edits and runs; 3 also shares.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When they were first let in.' }),
  }),
})

builder.objectFields(JobType, (t) => ({
  viewerPermissions: t.field({
    type: JobPermissionsType,
    description: 'What you may do with it.',
    resolve: async (job, _args, context) => {
      const access = await loadBatched(context, 'Job.viewerPermissions', job, (jobs) =>
        context.jobs.accessTo(context.viewer, jobs),
      )
      return permissionsOf(job, access.level)
    },
  }),
  shares: t.field({
    type: [JobShareType],
    nullable: true,
    description: 'With whom it is shared, by handle, at most 1,000; for those who may share it, null for others.',
    complexity: 10,
    resolve: (job, _args, context) =>
      loadBatched(context, 'Job.shares', job, (jobs) => context.jobs.sharesOf(context.viewer, jobs)),
  }),
  favorited: t.boolean({
    description: 'Whether it is a favorite of yours.',
    resolve: ({ id }, _args, context) =>
      loadBatched(context, 'Job.favorited', id, (ids) => context.jobs.favoritedOf(context.viewer, ids)),
  }),
}))

const ShareJobInput = builder.inputType('ShareJobInput', {
  description: 'Whom to let in on a job.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: '`job_…`' }),
    principalHandle: t.string({ required: true, description: 'A user, or a team with or without `team:`.' }),
    level: t.int({ required: true, description: '1 reads; 2 also edits and runs; 3 also shares; 0: not any more.' }),
  }),
})

const UnshareJobInput = builder.inputType('UnshareJobInput', {
  description: 'Whom to let in on a job no more.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: '`job_…`' }),
    principalHandle: t.string({ required: true, description: 'A user, or a team with or without `team:`.' }),
  }),
})

const FavoriteJobInput = builder.inputType('FavoriteJobInput', {
  description: 'Which job you want to find again.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: '`job_…`' }),
    favorited: t.boolean({ defaultValue: true, description: 'False: not any more.' }),
  }),
})

const TransferJobInput = builder.inputType('TransferJobInput', {
  description: 'Whose job it is to be.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: '`job_…`' }),
    ownerHandle: t.string({ required: true, description: 'A user, or a team with or without `team:`.' }),
  }),
})

const shared = ({ jobId, principalHandle: handle }: { jobId: string; principalHandle: string }) => ({
  jobId: expectId('Job', jobId),
  principal: { handle, field: 'principalHandle' },
})

builder.mutationFields((t) => ({
  shareJob: t.field({
    type: JobType,
    errors: {},
    description:
      'Lets a user or the members of a team in on a job, at this level and no other. With 2 or 3 they say what the job does with the rights of its owner.',
    args: { input: t.arg({ type: ShareJobInput, required: true, description: 'Whom, and how far.' }) },
    resolve: async (_root, { input }, { jobs, viewer }) =>
      (await jobs.share(viewer, { ...shared(input), level: input.level })).job,
  }),
  unshareJob: t.field({
    type: JobType,
    errors: {},
    description: 'Lets somebody in on a job no more; whoever was not let in is no error.',
    args: { input: t.arg({ type: UnshareJobInput, required: true, description: 'Whom.' }) },
    resolve: async (_root, { input }, { jobs, viewer }) =>
      (await jobs.share(viewer, { ...shared(input), level: 0 })).job,
  }),
  favoriteJob: t.field({
    type: JobType,
    errors: {},
    description: 'Makes a job a favorite of yours, or none any more.',
    args: { input: t.arg({ type: FavoriteJobInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input: { jobId, favorited } }, { jobs, viewer }) =>
      jobs.favorite(viewer, expectId('Job', jobId), favorited ?? true),
  }),
  transferJob: t.field({
    type: JobType,
    errors: {},
    description:
      'Hands a job that you may edit to yourself or to a team of yours; administrators hand to anybody. It then does what it does with the rights of its new owner.',
    args: { input: t.arg({ type: TransferJobInput, required: true, description: 'Which, and to whom.' }) },
    resolve: (_root, { input: { jobId, ownerHandle: handle } }, { jobs, viewer }) =>
      jobs.transfer(viewer, { jobId: expectId('Job', jobId), owner: { handle, field: 'ownerHandle' } }),
  }),
}))
