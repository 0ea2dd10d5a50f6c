import { addNode, builder } from '../graphql/builder.ts'
import { listComplexity } from '../graphql/list-args.ts'
import { PrincipalType } from '../identity/schema.ts'
import { NotFoundError } from '../kernel/errors.ts'
import { PAGE_LIMIT } from '../kernel/pages.ts'
import type { DescribedPwa } from './apps.ts'

/** For fields that are never null: what a foreign key leads to is there, unless it was deleted this very moment. */
export const allOf = <Row>(rows: (Row | null)[]): (Row | Error)[] =>
  rows.map((row) => row ?? new NotFoundError('it is gone'))

const VersionFileType = builder.prismaObject('VersionFile', {
  fields: (t) => ({
    path: t.exposeString('path', { description: 'Relative to the root of the site: `css/main.css`.' }),
    mime: t.exposeString('mime', { description: 'Media type.' }),
    digest: t.exposeString('digest'),
    sizeBytes: t.exposeInt('sizeBytes', { description: 'Bytes of its content.' }),
  }),
})

const PwaType = builder.objectRef<DescribedPwa>('Pwa').implement({
  description: 'The app that browsers may make of a site.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'For people.' }),
    shortName: t.exposeString('shortName', { description: 'Below its icon.' }),
    icon: t.exposeString('icon', { nullable: true, description: 'A data URL or an absolute URL, as given.' }),
    installable: t.exposeBoolean('installable', {
      description:
        'Whether a browser would offer to install it from its own origin: over TLS or on this machine, with a square PNG of at least 144 pixels or an SVG as a data URL. An icon at another URL cannot be looked at, so it does not count.',
    }),
    manifestUrl: t.exposeString('manifestUrl', {
      description: 'Its manifest on the site’s own origin, as soon as it is live.',
    }),
    serviceWorkerUrl: t.exposeString('serviceWorkerUrl', {
      description: 'What keeps its files for when there is no network, on the site’s own origin.',
    }),
  }),
})

export const PwaInput = builder.inputType('PwaInput', {
  description: 'The app that browsers may make of a site.',
  fields: (t) => ({
    enabled: t.boolean({ description: 'Whether it is one.' }),
    name: t.string({ description: 'At most 200 characters; absent: that of the artifact.' }),
    shortName: t.string({ description: 'At most 12 characters; absent: the start of the name.' }),
    icon: t.string({ description: 'A data URL of an image in base64, or an absolute URL.' }),
  }),
})

export const ArtifactVersionType = builder.prismaObject('ArtifactVersion', {
  fields: (t) => ({
    versionNo: t.exposeInt('versionNo'),
    entrypoint: t.exposeString('entrypoint'),
    fileCount: t.exposeInt('fileCount', { description: 'How many files it has.' }),
    sizeBytes: t.float({ description: 'Bytes of all files together.', resolve: ({ sizeBytes }) => Number(sizeBytes) }),
    files: t.field({
      type: [VersionFileType],
      description: 'Its files by path, page by page.',
      complexity: listComplexity,
      args: {
        first: t.arg.int({ defaultValue: PAGE_LIMIT, description: `At most ${PAGE_LIMIT}.` }),
        after: t.arg.string({ description: 'The path behind which to go on; absent: from the start.' }),
      },
      resolve: ({ id }, { first, after }, { artifacts }) => artifacts.files(id, first ?? PAGE_LIMIT, after ?? null),
    }),
    pwa: t.loadable({
      type: PwaType,
      nullable: true,
      description: 'The app that browsers may make of it; null: it is none.',
      resolve: ({ id }) => id,
      load: (ids: string[], { artifacts }) => artifacts.apps(ids),
      loaderOptions: { cache: false },
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was published.' }),
    createdBy: t.loadable({
      type: PrincipalType,
      description: 'Who published it.',
      resolve: ({ createdById }) => createdById,
      load: async (ids: string[], { identity }) => allOf(await identity.principals(ids)),
      loaderOptions: { cache: false },
    }),
  }),
})

addNode(ArtifactVersionType, (ids, { viewer, artifacts }) => artifacts.versionsByIds(viewer, ids))
