import { builder } from '../graphql/builder.ts'
import { expectId } from '../kernel/ids.ts'
import { ArtifactVersionType } from './version-schema.ts'

builder.subscriptionField('artifactPublished', (t) =>
  t.field({
    type: ArtifactVersionType,
    description:
      'The version that is live after each publish and each rollback, whoever or whatever did it. There is no history: it begins now, so read what you show again whenever you connect. Where they come in quick succession, the last that you see is what is live. Who reads far too slowly is sent away with LIMIT_EXCEEDED, to begin anew. Of an artifact that is deleted, the version that was live comes once more, and its `artifact` has `deletedAt`; of one that is restored, it comes again. A change of who sees an artifact is not shown, and decides who is shown the next.',
    args: {
      artifactId: t.arg.id({
        description:
          'Only of this one, which need not be listed; the stream ends when it is deleted. Absent: of all that are in your list, which for anybody are the public ones.',
      }),
    },
    subscribe: (_root, { artifactId }, { artifacts, viewer }) =>
      artifacts.watch(viewer, artifactId == null ? null : expectId('Artifact', artifactId)),
    resolve: ({ version }) => version,
  }),
)
