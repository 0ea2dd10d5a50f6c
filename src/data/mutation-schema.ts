/** Mutations on datasets, their rows and their snapshots. */
import { builder } from '../graphql/builder.ts'
import { listComplexity } from '../graphql/list-args.ts'
import { expectId } from '../kernel/ids.ts'
import type { DataRow } from './queries.ts'
import type { LoadedDataset } from './rights.ts'
import { DatasetRowType, DatasetSnapshotType, DatasetType } from './schema.ts'

const ID = '`dat_…`'

const InsertedRowsType = builder.objectRef<{ dataset: LoadedDataset; rows: DataRow[] }>('InsertedRows').implement({
  description: 'Rows that were made.',
  fields: (t) => ({
    dataset: t.expose('dataset', { type: DatasetType, description: 'The dataset as it is now.' }),
    rows: t.field({
      type: [DatasetRowType],
      description: 'They, in the order in which they were given; 1 to 1,000.',
      complexity: listComplexity({ first: 100 }),
      resolve: ({ rows }) => rows,
    }),
    count: t.int({ description: 'How many they are.', resolve: ({ rows }) => rows.length }),
  }),
})

const changedRows = (name: string, description: string) =>
  builder.objectRef<{ dataset: LoadedDataset; count: number }>(name).implement({
    description,
    fields: (t) => ({
      dataset: t.expose('dataset', { type: DatasetType, description: 'The dataset as it is now.' }),
      count: t.exposeInt('count', { description: 'How many they were.' }),
    }),
  })

const UpdatedRowsType = changedRows('UpdatedRows', 'Rows that were changed.')
const DeletedRowsType = changedRows('DeletedRows', 'Rows that were deleted.')

type InputFields = Parameters<Parameters<typeof builder.inputType>[1]['fields']>[0]

const selection = (t: InputFields) => ({
  datasetId: t.id({ required: true, description: ID }),
  rowId: t.id({ description: '`row_…`: this row;' }),
  filter: t.field({ type: 'JSON', description: 'or those that match, as in Dataset.rows;' }),
  all: t.boolean({ description: 'or, if true, all of them.' }),
})

const CreateDatasetInput = builder.inputType('CreateDatasetInput', {
  description: 'A new dataset.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'At most 200 characters; unique within its artifact.' }),
    artifactId: t.id({ description: 'The artifact that it is of. Absent: of none.' }),
    slug: t.string({ description: 'Lower-case letters and digits, and - inside. Absent: made from the name.' }),
    description: t.string({ description: 'At most 1,000 characters.' }),
  }),
})

const UpdateDatasetInput = builder.inputType('UpdateDatasetInput', {
  description: 'Absent fields stay as they are.',
  fields: (t) => ({
    datasetId: t.id({ required: true, description: ID }),
    name: t.string({ description: 'At most 200 characters.' }),
    slug: t.string({ description: 'Lower-case letters and digits, and - inside.' }),
    description: t.string({ description: 'At most 1,000 characters; null clears.' }),
    version: t.int({ description: 'The version that you know: another one is a ConflictError.' }),
  }),
})

const DeleteDatasetInput = builder.inputType('DeleteDatasetInput', {
  description: 'Which dataset to delete.',
  fields: (t) => ({ datasetId: t.id({ required: true, description: ID }) }),
})

const TransferDatasetInput = builder.inputType('TransferDatasetInput', {
  description: 'Whose dataset it is to be.',
  fields: (t) => ({
    datasetId: t.id({ required: true, description: ID }),
    ownerHandle: t.string({ required: true, description: 'A user, or a team with or without `team:`.' }),
  }),
})

const InsertRowsInput = builder.inputType('InsertRowsInput', {
  description: 'New rows.',
  fields: (t) => ({
    datasetId: t.id({ required: true, description: ID }),
    rows: t.field({
      type: ['JSON'],
      required: true,
      description: '1 to 1,000 objects of at most 256 KiB; all of them or, after an error, none.',
    }),
  }),
})

const UpdateRowsInput = builder.inputType('UpdateRowsInput', {
  description: 'Rows to change: exactly one of rowId, filter and all.',
  fields: (t) => ({
    ...selection(t),
    set: t.field({ type: 'JSON', required: true, description: 'Keys to set, `{"sold": true}`; others stay.' }),
  }),
})

const DeleteRowsInput = builder.inputType('DeleteRowsInput', {
  description: 'Rows to delete: exactly one of rowId, filter and all.',
  fields: (t) => selection(t),
})

const TakeSnapshotInput = builder.inputType('TakeSnapshotInput', {
  description: 'A dataset whose rows are to be kept as they are.',
  fields: (t) => ({
    datasetId: t.id({ required: true, description: ID }),
    name: t.string({ description: 'At most 200 characters.' }),
  }),
})

const DeleteSnapshotInput = builder.inputType('DeleteSnapshotInput', {
  description: 'Which snapshot to delete.',
  fields: (t) => ({ snapshotId: t.id({ required: true, description: '`snp_…`' }) }),
})

const datasetId = (input: { datasetId: string }) => expectId('Dataset', input.datasetId)

const selected = ({ datasetId: id, rowId, filter, all }: typeof DeleteRowsInput.$inferInput) => ({
  ...{ datasetId: datasetId({ datasetId: id }), filter, all },
  rowId: rowId && expectId('DatasetRow', rowId),
})

builder.mutationFields((t) => ({
  createDataset: t.field({
    type: DatasetType,
    errors: {},
    description: 'Makes a dataset, empty at first.',
    args: { input: t.arg({ type: CreateDatasetInput, required: true, description: 'The dataset.' }) },
    resolve: (_root, { input: { artifactId, ...input } }, { data, viewer }) =>
      data.create(viewer, { ...input, artifactId: artifactId && expectId('Artifact', artifactId) }),
  }),
  updateDataset: t.field({
    type: DatasetType,
    errors: {},
    description: 'Changes what is said of a dataset.',
    args: { input: t.arg({ type: UpdateDatasetInput, required: true, description: 'What to change.' }) },
    resolve: (_root, { input: { name, slug, ...input } }, { data, viewer }) =>
      data.update(viewer, {
        ...{ ...input, datasetId: datasetId(input) },
        ...(name != null && { name }),
        ...(slug != null && { slug }),
      }),
  }),
  transferDataset: t.field({
    type: DatasetType,
    errors: {},
    description:
      'Hands a dataset that is on no artifact to yourself or to a team of yours; administrators hand to anybody.',
    args: { input: t.arg({ type: TransferDatasetInput, required: true, description: 'Which, and to whom.' }) },
    resolve: (_root, { input }, { data, viewer }) =>
      data.transfer(viewer, {
        datasetId: datasetId(input),
        owner: { handle: input.ownerHandle, field: 'ownerHandle' },
      }),
  }),
  deleteDataset: t.field({
    type: DatasetType,
    errors: {},
    description: 'Deletes a dataset for good, with its rows and snapshots. Answers what it was.',
    args: { input: t.arg({ type: DeleteDatasetInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input }, { data, viewer }) => data.remove(viewer, datasetId(input)),
  }),
  insertRows: t.field({
    type: InsertedRowsType,
    errors: {},
    description: 'Puts rows into a dataset.',
    args: { input: t.arg({ type: InsertRowsInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input }, { data, viewer }) => data.insert(viewer, datasetId(input), input.rows),
  }),
  updateRows: t.field({
    type: UpdatedRowsType,
    errors: {},
    description: 'Sets fields of rows.',
    args: { input: t.arg({ type: UpdateRowsInput, required: true, description: 'Which, and what.' }) },
    resolve: (_root, { input: { set, ...input } }, { data, viewer }) =>
      data.updateRows(viewer, { ...selected(input), set }),
  }),
  deleteRows: t.field({
    type: DeletedRowsType,
    errors: {},
    description: 'Deletes rows.',
    args: { input: t.arg({ type: DeleteRowsInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input }, { data, viewer }) => data.deleteRows(viewer, selected(input)),
  }),
  takeSnapshot: t.field({
    type: DatasetSnapshotType,
    errors: {},
    description: 'Keeps the rows of a dataset as they are at this instant.',
    args: { input: t.arg({ type: TakeSnapshotInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input }, { data, viewer }) => data.takeSnapshot(viewer, datasetId(input), input.name),
  }),
  deleteSnapshot: t.field({
    type: DatasetSnapshotType,
    errors: {},
    description: 'Deletes a snapshot for good. Answers what it was.',
    args: { input: t.arg({ type: DeleteSnapshotInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input }, { data, viewer }) =>
      data.deleteSnapshot(viewer, expectId('DatasetSnapshot', input.snapshotId)),
  }),
}))
