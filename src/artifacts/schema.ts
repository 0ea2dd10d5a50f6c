import { addNode, builder } from '../graphql/builder.ts'
import { ListOrderEnum, listComplexity } from '../graphql/list-args.ts'
import { mayEditArtifact } from '../identity/permissions.ts'
import { PrincipalType } from '../identity/schema.ts'
import { ValidationError } from '../kernel/errors.ts'
import { expectId, uuidOf } from '../kernel/ids.ts'
import { AgentInput, AgentType } from './agent-schema.ts'
import { ArtifactVersionType, allOf, PwaInput } from './version-schema.ts'

const VisibilityEnum = builder.enumType('Visibility', {
  description: 'Who sees an artifact.',
  values: {
    PUBLIC: { description: 'Anyone; it is listed.' },
    UNLISTED: { description: 'Anyone who has the address; it is in no list.' },
    PRIVATE: { description: 'Its owner and its collaborators.' },
  } as const,
})

export const ArtifactType = builder.prismaObject('Artifact', {
  fields: (t) => ({
    name: t.exposeString('name', { description: 'For people.' }),
    slug: t.exposeString('slug'),
    description: t.exposeString('description', { nullable: true, description: 'What it is, for people.' }),
    visibility: t.expose('visibility', { type: VisibilityEnum, description: 'Who sees it.' }),
    owner: t.loadable({
      type: PrincipalType,
      description: 'Who may change it.',
      resolve: ({ ownerId }) => ownerId,
      load: async (ids: string[], { identity }) => allOf(await identity.principals(ids)),
      loaderOptions: { cache: false },
    }),
    url: t.string({
      description: 'The page that shows it.',
      resolve: ({ slug }, _args, { artifacts }) => artifacts.artifactUrl(slug),
    }),
    siteUrl: t.string({
      description: 'The site at the root of an origin of its own.',
      resolve: ({ slug }, _args, { artifacts }) => artifacts.siteUrl(slug),
    }),
    mobileUrl: t.loadable({
      type: 'String',
      nullable: true,
      description: 'The page for small screens of its live version; null: that has none.',
      resolve: ({ id }) => id,
      load: (ids: string[], { artifacts }) => artifacts.mobileUrls(ids),
      loaderOptions: { cache: false },
    }),
    liveVersion: t.loadable({
      type: ArtifactVersionType,
      description: 'The version that is served.',
      resolve: ({ id }) => id,
      load: async (ids: string[], { artifacts }) => allOf(await artifacts.liveVersions(ids)),
      loaderOptions: { cache: false },
    }),
    versions: t.connection(
      {
        type: ArtifactVersionType,
        description: 'All versions, the newest first.',
        complexity: listComplexity,
        resolve: ({ id }, args, { viewer, artifacts }) => artifacts.versions(viewer, id, args),
      },
      { description: 'A page of versions.' },
      { description: 'A version in a page.' },
    ),
    version: t.exposeInt('version', {
      description: 'Rises with every change of what is said of it; give it to an update to exclude lost ones.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was first published.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last published or changed.' }),
    deletedAt: t.expose('deletedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was deleted; it can be restored for 30 days.',
    }),
    agent: t.field({
      type: AgentType,
      nullable: true,
      description: 'The chat agent for its visitors, for its owner and editors; null: it has none.',
      resolve: (artifact, _args, { viewer }) => (mayEditArtifact(viewer, artifact) ? (artifact.agent as never) : null),
    }),
    accessPolicy: t.field({
      type: 'JSON',
      nullable: true,
      description: 'Which rows of its datasets a viewer gets, for its owner and editors; null: all.',
      resolve: (artifact, _args, { viewer }) => (mayEditArtifact(viewer, artifact) ? artifact.accessPolicy : null),
    }),
  }),
})

builder.objectField(ArtifactVersionType, 'artifact', (t) =>
  t.loadable({
    type: ArtifactType,
    description: 'Of which it is a version.',
    resolve: ({ artifactId }) => artifactId,
    load: async (ids: string[], { artifacts }) => allOf(await artifacts.ofVersions(ids)),
    loaderOptions: { cache: false },
  }),
)

addNode(ArtifactType, (ids, { viewer, artifacts }) => artifacts.byIds(viewer, ids))

const ArtifactFilter = builder.inputType('ArtifactFilter', {
  description: 'Which artifacts; all conditions that are given must hold.',
  fields: (t) => ({
    search: t.string({ description: 'A part of the name, the slug or the description, in any case.' }),
    ownerHandle: t.string({ description: 'Of this principal; a team with or without `team:`.' }),
  }),
})

builder.queryFields((t) => ({
  artifact: t.field({
    type: ArtifactType,
    nullable: true,
    description: 'An artifact by its id or by its slug; null if it is not there or you may not read it.',
    args: {
      id: t.arg.id({ description: 'Either this' }),
      slug: t.arg.string({ description: 'or this.' }),
    },
    resolve: (_root, { id, slug }, { viewer, artifacts }) => {
      if ((id == null) === (slug == null)) throw ValidationError.at('', 'give either id or slug')
      if (slug != null) return artifacts.find(viewer, { slug })
      const uuid = uuidOf('Artifact', id ?? '')
      return uuid ? artifacts.find(viewer, { id: uuid }) : null
    },
  }),
  artifacts: t.connection(
    {
      type: ArtifactType,
      description: 'Your own artifacts and the public ones of others; all of them for administrators.',
      complexity: listComplexity,
      args: {
        filter: t.arg({ type: ArtifactFilter, description: 'Absent: no condition.' }),
        orderBy: t.arg({ type: ListOrderEnum, defaultValue: 'NEWEST', description: 'Which come first.' }),
      },
      resolve: (_root, args, { viewer, artifacts }) => artifacts.list(viewer, args),
    },
    { description: 'A page of artifacts.' },
    { description: 'An artifact in a page.' },
  ),
}))

const FileInput = builder.inputType('FileInput', {
  description: 'A file of a version.',
  fields: (t) => ({
    path: t.string({ required: true, description: 'Relative, with /, without . and ..: `css/main.css`.' }),
    content: t.string({ required: true, description: 'At most 100 MiB.' }),
    mime: t.string({ description: 'Media type; absent: by the extension of the path.' }),
    encoding: t.field({
      type: builder.enumType('FileEncoding', {
        description: 'How the content of a file is written.',
        values: {
          UTF8: { description: 'As it is.' },
          BASE64: { description: 'In strict base64, for what is not text.' },
        } as const,
      }),
      defaultValue: 'UTF8',
      description: 'How `content` is written.',
    }),
  }),
})

const UploadedFileInput = builder.inputType('UploadedFileInput', {
  description: 'A file of a version whose content was uploaded before.',
  fields: (t) => ({
    path: t.string({ required: true, description: 'Relative, with /, without . and ..: `css/main.css`.' }),
    digest: t.string({ required: true, description: 'SHA-256 of its content, in lower-case hex.' }),
    mime: t.string({ description: 'Media type; absent: by the extension of the path.' }),
  }),
})

const POLICY =
  'Which rows of its datasets a viewer gets: `{"version": 1, "field": "region", "default": "deny", "rules": [{"match": {"domain": "example.org"}, "values": ["EU"]}]}`. Null: all rows.'

const PublishArtifactInput = builder.inputType('PublishArtifactInput', {
  description: 'A new version, and the artifact with the first one. What is absent stays as it is.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'At most 200 characters.' }),
    slug: t.string({
      description: 'Lower-case letters and digits, and - inside; at most 50. Absent: made from the name.',
    }),
    description: t.string({ description: 'At most 1,000 characters; null clears.' }),
    entrypoint: t.string({ defaultValue: 'index.html', description: 'Path of the file that `/` answers.' }),
    visibility: t.field({ type: VisibilityEnum, description: 'Absent: PUBLIC at first.' }),
    accessPolicy: t.field({ type: 'JSON', description: POLICY }),
    agent: t.field({ type: AgentInput, description: AGENT }),
    mobileHtml: t.string({ description: 'A page for small screens. Belongs to the version: absent, it has none.' }),
    pwa: t.field({ type: PwaInput, description: 'The app of it. Belongs to the version: absent, it is none.' }),
    files: t.field({
      type: [FileInput],
      required: true,
      description: 'With those that were uploaded 1 to 20,000, at most 500 MiB together.',
    }),
    uploadedFiles: t.field({
      type: [UploadedFileInput],
      description: 'More files, at most 20,000 with the others, whose contents were uploaded before.',
    }),
    deploy: t.boolean({
      defaultValue: true,
      description:
        'False: the new version is listed, but what was live stays so until a `publish` action or `rollbackArtifact` makes this one live. The first version must be live.',
    }),
  }),
})

const UpdateArtifactInput = builder.inputType('UpdateArtifactInput', {
  description: 'What is absent stays as it is.',
  fields: (t) => ({
    artifactId: t.id({ required: true, description: 'Which artifact.' }),
    name: t.string({ description: 'At most 200 characters.' }),
    description: t.string({ description: 'At most 1,000 characters; null clears.' }),
    visibility: t.field({ type: VisibilityEnum, description: 'Who sees it.' }),
    accessPolicy: t.field({ type: 'JSON', description: POLICY }),
    agent: t.field({ type: AgentInput, description: AGENT }),
    version: t.int({ description: 'The version that you know: another one is a ConflictError.' }),
  }),
})

const AGENT = 'Its chat agent; what is absent in it stays as it is. Null: none.'

const inputOf = (name: string, description: string) =>
  builder.inputType(name, {
    description,
    fields: (t) => ({ artifactId: t.id({ required: true, description: 'Which artifact.' }) }),
  })

const versionInputOf = (name: string, description: string) =>
  builder.inputType(name, {
    description,
    fields: (t) => ({
      artifactId: t.id({ required: true, description: 'Which artifact.' }),
      versionNo: t.int({ required: true, description: 'Which of its versions.' }),
    }),
  })

const DeleteArtifactInput = inputOf('DeleteArtifactInput', 'The artifact to delete.')
const RestoreArtifactInput = inputOf('RestoreArtifactInput', 'The artifact to bring back.')
const RollbackArtifactInput = versionInputOf('RollbackArtifactInput', 'The version to make live.')
const DeleteVersionInput = versionInputOf('DeleteVersionInput', 'The version to delete.')

const idOf = ({ artifactId }: { artifactId: string }) => expectId('Artifact', artifactId)

builder.mutationFields((t) => ({
  publishArtifact: t.field({
    type: ArtifactType,
    errors: {},
    description:
      'Publishes files under a slug. Your own slug again: a new version, live at once unless `deploy` is false.',
    args: { input: t.arg({ type: PublishArtifactInput, required: true, description: 'What to publish.' }) },
    resolve: (_root, { input }, { viewer, artifacts }) => artifacts.publish(viewer, input),
  }),
  rollbackArtifact: t.field({
    type: ArtifactType,
    errors: {},
    description: 'Makes an earlier version live again.',
    args: { input: t.arg({ type: RollbackArtifactInput, required: true, description: 'Which version.' }) },
    resolve: (_root, { input }, { viewer, artifacts }) =>
      artifacts.rollback(viewer, { ...input, artifactId: idOf(input) }),
  }),
  updateArtifact: t.field({
    type: ArtifactType,
    errors: {},
    description: 'Changes what is said of an artifact, and who sees it.',
    args: { input: t.arg({ type: UpdateArtifactInput, required: true, description: 'What to change.' }) },
    resolve: (_root, { input }, { viewer, artifacts }) =>
      artifacts.update(viewer, { ...input, artifactId: idOf(input) }),
  }),
  deleteArtifact: t.field({
    type: ArtifactType,
    errors: {},
    description: 'Deletes an artifact. It is gone at once and can be restored for 30 days.',
    args: { input: t.arg({ type: DeleteArtifactInput, required: true, description: 'Which artifact.' }) },
    resolve: (_root, { input }, { viewer, artifacts }) => artifacts.remove(viewer, idOf(input)),
  }),
  restoreArtifact: t.field({
    type: ArtifactType,
    errors: {},
    description: 'Brings a deleted artifact back.',
    args: { input: t.arg({ type: RestoreArtifactInput, required: true, description: 'Which artifact.' }) },
    resolve: (_root, { input }, { viewer, artifacts }) => artifacts.restore(viewer, idOf(input)),
  }),
  deleteVersion: t.field({
    type: ArtifactVersionType,
    errors: {},
    description: 'Deletes a version that is not live, for good. Answers what it was.',
    args: { input: t.arg({ type: DeleteVersionInput, required: true, description: 'Which version.' }) },
    resolve: (_root, { input }, { viewer, artifacts }) =>
      artifacts.deleteVersion(viewer, { ...input, artifactId: idOf(input) }),
  }),
}))
