import { builder } from '../graphql/builder.ts'
import { expectId } from '../kernel/ids.ts'
import { JobType } from './schema.ts'

builder.subscriptionField('jobChanged', (t) =>
  t.field({
    type: JobType,
    description:
      'A job as it is after it has changed: it was made, edited, paused, shared, handed on or deleted, its stack was edited, or a run of it was queued or ended. There is no history: it begins now, so read what you show again whenever you connect. Changes in quick succession may be shown as one; the last that you see is how it is. Who reads far too slowly is sent away with LIMIT_EXCEEDED, to begin anew. A deleted one is shown once more, with `deletedAt`.',
    args: {
      jobId: t.arg.id({
        description:
          'Only this one; the stream ends when it is deleted. Absent: all that you may see, drafts and jobs of stacks by themselves left out.',
      }),
    },
    subscribe: (_root, { jobId }, { jobs, viewer }) =>
      jobs.watch(viewer, jobId == null ? null : expectId('Job', jobId)),
    resolve: (job) => job,
  }),
)
