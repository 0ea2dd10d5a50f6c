import { ArtifactType } from '../artifacts/schema.ts'
import type { JsonDocument } from '../db/generated/prisma/client.ts'
import { builder } from '../graphql/builder.ts'
import { listComplexity } from '../graphql/list-args.ts'
import { expectId } from '../kernel/ids.ts'
import { PAGE_LIMIT } from '../kernel/pages.ts'

const JsonDocumentType = builder.objectRef<JsonDocument>('JsonDocument').implement({
  description: 'A JSON value that an artifact keeps under a key.',
  fields: (t) => ({
    key: t.exposeString('key', { description: 'Unique within the artifact.' }),
    value: t.field({
      type: 'JSON',
      nullable: true,
      description: 'Any JSON; null is a value like any other.',
      resolve: ({ value }) => value,
    }),
    version: t.exposeInt('version', { description: 'Rises with every change, from 1.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
  }),
})

builder.objectFields(ArtifactType, (t) => ({
  document: t.field({
    type: JsonDocumentType,
    nullable: true,
    description: 'The document with this key; null if there is none, or none that you may read.',
    args: { key: t.arg.string({ required: true, description: 'Its key.' }) },
    resolve: (artifact, { key }, { viewer, documents }) => documents.find(viewer, artifact, key),
  }),
  documents: t.field({
    type: [JsonDocumentType],
    description: 'Its documents by key, page by page; with an access policy, for its owner and editors only.',
    complexity: listComplexity,
    args: {
      first: t.arg.int({ defaultValue: 20, description: `At most ${PAGE_LIMIT}.` }),
      after: t.arg.string({ description: 'The key behind which to go on; absent: from the start.' }),
    },
    resolve: (artifact, { first, after }, { viewer, documents }) =>
      documents.list(viewer, artifact, first ?? 20, after ?? null),
  }),
}))

const IF_VERSION = 'The version that you know; 0 or null: there must be none. Absent: whatever there is.'

const SetDocumentInput = builder.inputType('SetDocumentInput', {
  description: 'A document to make, or to change.',
  fields: (t) => ({
    artifactId: t.id({ required: true, description: 'Which artifact.' }),
    key: t.string({ required: true, description: '1 to 200 characters, none of them a control character.' }),
    value: t.field({ type: 'JSON', description: 'Any JSON of at most 256 KiB. Absent: null.' }),
    ifVersion: t.int({ description: IF_VERSION }),
  }),
})

const DeleteDocumentInput = builder.inputType('DeleteDocumentInput', {
  description: 'Which document to delete.',
  fields: (t) => ({
    artifactId: t.id({ required: true, description: 'Which artifact.' }),
    key: t.string({ required: true, description: 'Its key.' }),
    ifVersion: t.int({ description: IF_VERSION }),
  }),
})

builder.mutationFields((t) => ({
  setDocument: t.field({
    type: JsonDocumentType,
    errors: {},
    description:
      'Keeps a JSON value under a key of an artifact, in place of what was there. At most 1,000 an artifact.',
    args: { input: t.arg({ type: SetDocumentInput, required: true, description: 'Where, and what.' }) },
    resolve: (_root, { input: { value = null, ...input } }, { viewer, documents }) =>
      documents.set(viewer, { ...input, value, artifactId: expectId('Artifact', input.artifactId) }),
  }),
  deleteDocument: t.field({
    type: JsonDocumentType,
    errors: {},
    description: 'Deletes a document of an artifact. Answers what it was.',
    args: { input: t.arg({ type: DeleteDocumentInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input }, { viewer, documents }) =>
      documents.remove(viewer, { ...input, artifactId: expectId('Artifact', input.artifactId) }),
  }),
}))
