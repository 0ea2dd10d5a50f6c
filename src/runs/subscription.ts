import { builder } from '../graphql/builder.ts'
import { expectId } from '../kernel/ids.ts'
import { RunEventInterface } from './event-types.ts'

builder.subscriptionField('runEvents', (t) =>
  t.field({
    type: RunEventInterface,
    description:
      'Events of runs, as they happen, without a gap or a repeat. Several arguments: all must match; none: all that you may see. The stream of one run ends after its last event.',
    args: {
      runId: t.arg.id({ description: 'Of this run.' }),
      jobId: t.arg.id({ description: 'Of this job.' }),
      artifactId: t.arg.id({ description: 'Of the jobs on this artifact.' }),
      after: t.arg.string({
        description:
          'The last cursor that you have seen. Absent: from now on; empty: from the start of what is kept. One older than what is kept is an error CURSOR_EXPIRED; its `oldestCursor` still works.',
      }),
    },
    subscribe: (_root, { runId, jobId, artifactId, after }, { runs, viewer }) =>
      runs.watch(
        viewer,
        {
          ...(runId != null && { runId: expectId('Run', runId) }),
          ...(jobId != null && { jobId: expectId('Job', jobId) }),
          ...(artifactId != null && { artifactId: expectId('Artifact', artifactId) }),
        },
        after,
      ),
    resolve: (event) => event,
  }),
)
