/** Mutations on the lock of a job, for administrators. */
import { builder } from '../graphql/builder.ts'
import { JobType } from '../jobs/schema.ts'
import { expectId } from '../kernel/ids.ts'

const HoldJobInput = builder.inputType('HoldJobInput', {
  description: 'Which job to hold.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: '`job_…`' }),
    at: t.field({ type: 'DateTime', description: 'Since when it is said to be held. Default: now.' }),
  }),
})

const ReleaseJobInput = builder.inputType('ReleaseJobInput', {
  description: 'Which job to let go.',
  fields: (t) => ({ jobId: t.id({ required: true, description: '`job_…`' }) }),
})

builder.mutationFields((t) => ({
  holdJob: t.field({
    type: JobType,
    errors: {},
    description:
      'For administrators: no slot or event starts the job, and nobody runs it, until it is released; what runs goes on.',
    args: { input: t.arg({ type: HoldJobInput, required: true, description: 'Which, and since when.' }) },
    resolve: (_root, { input: { jobId, at } }, { runs, viewer }) => runs.hold(viewer, expectId('Job', jobId), at),
  }),
  releaseJob: t.field({
    type: JobType,
    errors: {},
    description:
      'For administrators: a run at work ends FAILED with the code LOST, whatever its worker does, and one that waits behind it goes on; a job that is held goes on with its first slot after now.',
    args: { input: t.arg({ type: ReleaseJobInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input }, { runs, viewer }) => runs.release(viewer, expectId('Job', input.jobId)),
  }),
}))
