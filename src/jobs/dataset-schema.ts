/** The datasets of a job in GraphQL. */
import { DatasetType } from '../data/schema.ts'
import type { JobDataset } from '../db/generated/prisma/client.ts'
import { loadBatched } from '../graphql/batch.ts'
import { builder } from '../graphql/builder.ts'
import { formatId } from '../kernel/ids.ts'
import type { JobDatasetInput } from './datasets.ts'

const SnapshotMomentEnum = builder.enumType('SnapshotMoment', {
  description: 'When a run keeps snapshots.',
  values: {
    BEFORE: { description: 'Before its first step.' },
    AFTER: { description: 'After its last step, if all have succeeded.' },
  },
})

const JobSnapshotsType = builder.objectRef<JobDataset>('JobSnapshots').implement({
  description: 'What each run of a job keeps of datasets.',
  fields: (t) => ({
    when: t.field({
      type: SnapshotMomentEnum,
      description: 'When.',
      resolve: ({ snapshotWhen }) => snapshotWhen ?? 'BEFORE',
    }),
    datasetIds: t.idList({
      description: '`dat_…`, of which datasets; at most 20.',
      resolve: ({ snapshotDatasets }) => snapshotDatasets.map((id) => formatId('Dataset', id)),
    }),
  }),
})

export const JobDatasetType = builder.objectRef<JobDataset>('JobDataset').implement({
  description: 'A dataset that a job works with, by a name of its own for it.',
  fields: (t) => ({
    alias: t.exposeString('alias', { description: 'The job’s name for it, unique within the job.' }),
    datasetId: t.id({ description: '`dat_…`', resolve: ({ datasetId }) => formatId('Dataset', datasetId) }),
    dataset: t.field({
      type: DatasetType,
      nullable: true,
      description: 'Null if you may not read it.',
      resolve: ({ datasetId }, _args, context) =>
        loadBatched(context, 'JobDataset.dataset', datasetId, (ids) => context.data.byIds(context.viewer, ids)),
    }),
    snapshots: t.field({
      type: JobSnapshotsType,
      nullable: true,
      description: 'What each run keeps; null: nothing.',
      resolve: (row) => (row.snapshotWhen ? row : null),
    }),
  }),
})

const JobSnapshotsInput = builder.inputType('JobSnapshotsInput', {
  description: 'What each run keeps of datasets.',
  fields: (t) => ({
    when: t.field({ type: SnapshotMomentEnum, required: true, description: 'When.' }),
    datasets: t.stringList({
      description: 'Of which datasets, at most 20: each as `dataset` is named. Absent: of the dataset itself.',
    }),
  }),
})

export const JobDatasetInputType = builder.inputRef<JobDatasetInput>('JobDatasetInput').implement({
  description: 'A dataset that a job works with.',
  fields: (t) => ({
    alias: t.string({ required: true, description: 'Actions name it so; at most 200 characters.' }),
    dataset: t.string({
      required: true,
      description:
        '`dat_…`, the name of a dataset of the artifact, the slug of one of the owner’s that is on no artifact, or `handle:slug`.',
    }),
    snapshots: t.field({ type: JobSnapshotsInput, description: 'What each run keeps; absent: nothing.' }),
  }),
})
