/** Drafts of jobs: edited at leisure, then committed. */
import { loadBatched } from '../graphql/batch.ts'
import { builder } from '../graphql/builder.ts'
import { expectId } from '../kernel/ids.ts'
import { JobType } from './schema.ts'

builder.objectFields(JobType, (t) => ({
  draftOf: t.loadable({
    type: JobType,
    nullable: true,
    description: 'The job that it is a draft of; null: it is none, or you may not read that job any more.',
    loaderOptions: { cache: false },
    load: async (ids: string[], { jobs, viewer }) =>
      (await jobs.byIds(viewer, ids)).map((job) => (job?.deletedAt ? null : job)) as never,
    resolve: ({ draftOfId }) => draftOfId,
  }),
  myDraft: t.field({
    type: JobType,
    nullable: true,
    description: 'Your draft of it.',
    resolve: ({ id }, _args, context) =>
      loadBatched(context, 'Job.myDraft', id, (ids) => context.jobs.draftsOf(context.viewer, ids)),
  }),
}))

const draftInput = (name: string, description: string, jobId: string) =>
  builder.inputType(name, { description, fields: (t) => ({ jobId: t.id({ required: true, description: jobId }) }) })

const EITHER = '`job_…` of the draft, or of the job that it is of.'

const EditJobInput = draftInput('EditJobInput', 'Which job to edit.', '`job_…`')
const CommitJobInput = draftInput('CommitJobInput', 'Which draft to commit.', EITHER)
const DiscardDraftInput = draftInput('DiscardDraftInput', 'Which draft to throw away.', EITHER)

builder.mutationFields((t) => ({
  editJob: t.field({
    type: JobType,
    errors: {},
    description:
      'Makes a draft of a job, or answers the one that you have. It never fires, is in no list, and is changed like any job.',
    args: { input: t.arg({ type: EditJobInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input }, { jobs, viewer }) => jobs.draft(viewer, expectId('Job', input.jobId)),
  }),
  commitJob: t.field({
    type: JobType,
    errors: {},
    description:
      'Puts what your draft says in the place of what its job was, and answers that job; the draft is gone. A schedule that is the same goes on as it was.',
    args: { input: t.arg({ type: CommitJobInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input }, { jobs, viewer }) => jobs.commit(viewer, expectId('Job', input.jobId)),
  }),
  discardDraft: t.field({
    type: JobType,
    errors: {},
    description: 'Throws a draft of yours away. Answers what it was.',
    args: { input: t.arg({ type: DiscardDraftInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input }, { jobs, viewer }) => jobs.discardDraft(viewer, expectId('Job', input.jobId)),
  }),
}))
