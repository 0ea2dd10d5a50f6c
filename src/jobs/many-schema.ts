/** Mutations on many jobs at once. */
import type { Job } from '../db/generated/prisma/client.ts'
import { builder } from '../graphql/builder.ts'
import { listComplexity } from '../graphql/list-args.ts'
import type { ManyJobs } from './many.ts'
import { JobFilterInput, JobType, jobFilterOf } from './schema.ts'

const manyInput = (name: string, description: string, which: string) =>
  builder.inputType(name, {
    description,
    fields: (t) => ({
      filter: t.field({ type: JobFilterInput, required: true, description: which }),
      limit: t.int({ defaultValue: 100, description: '1 to 100; the oldest first.' }),
    }),
  })

const PauseJobsInput = manyInput(
  'PauseJobsInput',
  'Which jobs to pause.',
  'Of these, those that you may change and that are not paused.',
)
const ResumeJobsInput = manyInput(
  'ResumeJobsInput',
  'Which jobs to resume.',
  'Of these, those that you may change and that are paused. Those that cannot go on, as they have no slot left or their artifact is deleted, stay so.',
)

const manyJobs = (name: string, description: string) =>
  builder.objectRef<ManyJobs>(name).implement({
    description,
    fields: (t) => ({
      jobs: t.field({
        type: [JobType],
        description: 'The jobs, the oldest first; at most 100.',
        complexity: listComplexity({ first: 100 }),
        resolve: ({ jobs }): Job[] => jobs,
      }),
      hasMore: t.exposeBoolean('hasMore', { description: 'Whether there are others: ask again.' }),
    }),
  })

const PausedJobs = manyJobs('PausedJobs', 'Jobs that were paused.')
const ResumedJobs = manyJobs('ResumedJobs', 'Jobs that were resumed.')

builder.mutationFields((t) => ({
  pauseJobs: t.field({
    type: PausedJobs,
    errors: {},
    description: 'Pauses many jobs, each by itself.',
    args: { input: t.arg({ type: PauseJobsInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input: { filter, limit } }, { jobs, viewer }) =>
      jobs.pauseMany(viewer, jobFilterOf(filter), limit),
  }),
  resumeJobs: t.field({
    type: ResumedJobs,
    errors: {},
    description: 'Resumes many jobs, each by itself.',
    args: { input: t.arg({ type: ResumeJobsInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input: { filter, limit } }, { jobs, viewer }) =>
      jobs.resumeMany(viewer, jobFilterOf(filter), limit),
  }),
}))
