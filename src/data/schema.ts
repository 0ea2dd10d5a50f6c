/** Datasets in GraphQL: what can be read. What changes them is in `mutation-schema.ts`. */
import { ArtifactType } from '../artifacts/schema.ts'
import type { DatasetSnapshot } from '../db/generated/prisma/client.ts'
import { addNode, builder } from '../graphql/builder.ts'
import { ListOrderEnum, listComplexity } from '../graphql/list-args.ts'
import { PrincipalType } from '../identity/schema.ts'
import { ValidationError } from '../kernel/errors.ts'
import { expectId, formatId, uuidOf } from '../kernel/ids.ts'
import type { DataRow } from './queries.ts'
import type { LoadedDataset } from './rights.ts'

const FILTER =
  'Such as `{"city": "Rome", "price": {"$gte": 10}}`; operators $eq $ne $gt $gte $lt $lte $in $nin $contains $startsWith $endsWith, $and $or $not.'

export const DatasetRowType = builder.objectRef<DataRow>('DatasetRow').implement({
  description: 'A row of a dataset.',
  fields: (t) => ({
    id: t.id({ description: '`row_…`', resolve: ({ id }) => formatId('DatasetRow', id) }),
    data: t.expose('data', { type: 'JSON', description: 'Its fields.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
  }),
})

export const DatasetType = builder.objectRef<LoadedDataset>('Dataset').implement({
  description: 'A table of JSON rows, of an artifact or of its owner’s own.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Unique within its artifact.' }),
    slug: t.exposeString('slug', { description: 'Unique among its owner’s datasets that belong to no artifact.' }),
    description: t.exposeString('description', { nullable: true, description: 'For readers.' }),
    owner: t.loadable({
      type: PrincipalType,
      description: 'Whose it is.',
      loaderOptions: { cache: false },
      load: (ids: string[], { identity }) => identity.principals(ids) as never,
      resolve: ({ ownerId }) => ownerId,
    }),
    artifact: t.loadable({
      type: ArtifactType,
      nullable: true,
      description: 'The artifact that it is of.',
      loaderOptions: { cache: false },
      load: (ids: string[], { artifacts, viewer }) => artifacts.byIds(viewer, ids) as never,
      resolve: ({ artifactId }) => artifactId,
    }),
    rowCount: t.int({
      description: 'How many rows it has that you may see.',
      resolve: (dataset, _args, { data, viewer }) => data.rowCount(viewer, dataset),
    }),
    rows: t.connection({
      type: DatasetRowType,
      description: 'Its rows that you may see, in the order in which they were made unless a sort says otherwise.',
      complexity: listComplexity,
      args: {
        filter: t.arg({ type: 'JSON', description: FILTER }),
        sort: t.arg({ type: 'JSON', description: 'Up to five fields, `{"price": "desc", "city": "asc"}`.' }),
      },
      resolve: (dataset, args, { data, viewer }) => data.rows(viewer, dataset, args),
    }),
    row: t.field({
      type: DatasetRowType,
      nullable: true,
      description: 'One row; null if there is none that you may see.',
      args: { id: t.arg.id({ required: true, description: '`row_…`' }) },
      resolve: (dataset, { id }, { data, viewer }) => {
        const uuid = uuidOf('DatasetRow', id)
        return uuid ? data.row(viewer, dataset, uuid) : null
      },
    }),
    count: t.int({
      description: 'How many rows that you may see match.',
      complexity: 10,
      args: { filter: t.arg({ type: 'JSON', description: FILTER }) },
      resolve: (dataset, { filter }, { data, viewer }) => data.count(viewer, dataset, filter),
    }),
    distinct: t.field({
      type: 'JSON',
      description: 'The values of a field among the rows that you may see, each once.',
      complexity: 10,
      args: {
        field: t.arg.string({ required: true, description: 'A field, or a path such as `address.city`.' }),
        filter: t.arg({ type: 'JSON', description: FILTER }),
        first: t.arg.int({ defaultValue: 100, description: 'So many at most; 1 to 1,000.' }),
      },
      resolve: (dataset, { field, filter, first }, { data, viewer }) =>
        data.distinct(viewer, dataset, field, filter, first ?? 100),
    }),
    version: t.exposeInt('version', {
      description:
        'Rises with every change of what is said of it, not of its rows; give it to an update to exclude lost ones.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    updatedAt: t.expose('updatedAt', {
      type: 'DateTime',
      description: 'When it or one of its rows was last changed.',
    }),
  }),
})

addNode(DatasetType, (ids, { data, viewer }) => data.byIds(viewer, ids))

export const DatasetSnapshotType = builder.objectRef<DatasetSnapshot>('DatasetSnapshot').implement({
  description: 'The rows of a dataset as they were at one instant.',
  fields: (t) => ({
    name: t.exposeString('name', { nullable: true, description: 'As given.' }),
    rowCount: t.exposeInt('rowCount', { description: 'How many rows it has.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was taken.' }),
    rows: t.connection({
      type: DatasetRowType,
      description: 'The rows as they were.',
      complexity: listComplexity,
      args: {
        filter: t.arg({ type: 'JSON', description: FILTER }),
        sort: t.arg({ type: 'JSON', description: 'Up to five fields, `{"price": "desc", "city": "asc"}`.' }),
      },
      resolve: (snapshot, args, { data, viewer }) => data.snapshotRows(viewer, snapshot, args),
    }),
  }),
})

builder.objectField(DatasetSnapshotType, 'dataset', (t) =>
  t.loadable({
    type: DatasetType,
    description: 'Whose rows they were.',
    loaderOptions: { cache: false },
    load: (ids: string[], { data, viewer }) => data.byIds(viewer, ids) as never,
    resolve: ({ datasetId }) => datasetId,
  }),
)

addNode(DatasetSnapshotType, (ids, { data, viewer }) => data.snapshotsByIds(viewer, ids))

builder.objectField(DatasetType, 'snapshots', (t) =>
  t.connection({
    type: DatasetSnapshotType,
    description: 'Its snapshots, the newest first; for its owner.',
    complexity: listComplexity,
    resolve: (dataset, args, { data, viewer }) => data.snapshots(viewer, dataset, args),
  }),
)

const DatasetFilterInput = builder.inputType('DatasetFilter', {
  description: 'Datasets for which all of this holds.',
  fields: (t) => ({
    artifactId: t.id({ description: 'Of this artifact.' }),
    search: t.string({ description: 'In name or description, whatever the case.' }),
    ownerHandle: t.string({ description: 'Of this owner; a team with or without `team:`.' }),
  }),
})

builder.queryFields((t) => ({
  dataset: t.field({
    type: DatasetType,
    nullable: true,
    description: 'A dataset by its id, or by its artifact and name; null if there is none that you may read.',
    args: {
      id: t.arg.id({ description: '`dat_…`' }),
      artifactId: t.arg.id({ description: 'Or of this artifact,' }),
      name: t.arg.string({ description: 'by its name.' }),
    },
    resolve: (_root, { id, artifactId, name }, { data, viewer }) => {
      if ((id == null) === (artifactId == null) || (artifactId == null) !== (name == null)) {
        throw ValidationError.at('', 'give either id, or artifactId and name')
      }
      const uuid = id == null ? uuidOf('Artifact', artifactId ?? '') : uuidOf('Dataset', id)
      if (!uuid || name?.includes('\0')) return null
      return data.find(viewer, id == null ? { artifactId: uuid, name: name ?? '' } : { id: uuid })
    },
  }),
  datasets: t.connection({
    type: DatasetType,
    description: 'Your datasets, or those of an artifact that you may read; of administrators all.',
    complexity: listComplexity,
    args: {
      filter: t.arg({ type: DatasetFilterInput, description: 'Only datasets for which all of this holds.' }),
      orderBy: t.arg({ type: ListOrderEnum, defaultValue: 'NEWEST', description: 'In which order.' }),
    },
    resolve: (_root, { filter, ...args }, { data, viewer }) =>
      data.list(viewer, {
        ...args,
        filter: filter && { ...filter, artifactId: filter.artifactId && expectId('Artifact', filter.artifactId) },
      }),
  }),
}))

builder.prismaObjectField(ArtifactType, 'datasets', (t) =>
  t.connection({
    type: DatasetType,
    description: 'Its datasets, the newest first.',
    complexity: listComplexity,
    resolve: ({ id }, args, { data, viewer }) => data.list(viewer, { ...args, filter: { artifactId: id } }),
  }),
)
