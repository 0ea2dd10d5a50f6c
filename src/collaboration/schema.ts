import { ArtifactType } from '../artifacts/schema.ts'
import type { CollaboratorRole } from '../db/generated/prisma/enums.ts'
import { builder } from '../graphql/builder.ts'
import { expectId } from '../kernel/ids.ts'
import type { ROLES } from './spec.ts'

const RoleEnum = builder.enumType('CollaboratorRole', {
  description: 'What a collaborator may do.',
  values: {
    VIEWER: { description: 'See the artifact though it is private.' },
    EDITOR: { description: 'Publish, put jobs on it, and write its data, too.' },
  } satisfies Record<CollaboratorRole & (typeof ROLES)[number], { description: string }>,
})

const CollaboratorType = builder.prismaObject('Collaborator', {
  fields: (t) => ({
    email: t.exposeString('email'),
    role: t.expose('role', { type: RoleEnum, description: 'What they may do.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When they were first let in.' }),
  }),
})

builder.objectField(ArtifactType, 'collaborators', (t) =>
  t.field({
    type: [CollaboratorType],
    nullable: true,
    description: 'Whom its owner lets in, by address, at most 1,000; for its owner and editors, null for others.',
    resolve: (artifact, _args, { viewer, collaboration }) =>
      collaboration.seesCollaborators(viewer, artifact) ? collaboration.collaboratorsOf(artifact.id) : null,
  }),
)

const AddCollaboratorsInput = builder.inputType('AddCollaboratorsInput', {
  description: 'Whom to let in.',
  fields: (t) => ({
    artifactId: t.id({ required: true, description: 'Which artifact.' }),
    emails: t.stringList({
      required: true,
      description: '1 to 50 addresses; whoever has one of them, now or later. An artifact has at most 1,000.',
    }),
    role: t.field({ type: RoleEnum, required: true, description: 'What they may do, also if they may more now.' }),
  }),
})

const RemoveCollaboratorInput = builder.inputType('RemoveCollaboratorInput', {
  description: 'Whom to let in no more.',
  fields: (t) => ({
    artifactId: t.id({ required: true, description: 'Which artifact.' }),
    email: t.string({ required: true, description: 'Their address.' }),
  }),
})

builder.mutationFields((t) => ({
  addCollaborators: t.field({
    type: ArtifactType,
    errors: {},
    description:
      'For the owner of an artifact: lets others in, or changes what they may do. Jobs of whoever is an editor no more are paused.',
    args: { input: t.arg({ type: AddCollaboratorsInput, required: true, description: 'Whom, and as what.' }) },
    resolve: (_root, { input }, { viewer, collaboration }) =>
      collaboration.addCollaborators(viewer, { ...input, artifactId: expectId('Artifact', input.artifactId) }),
  }),
  removeCollaborator: t.field({
    type: ArtifactType,
    errors: {},
    description: 'For the owner of an artifact: lets somebody in no more. Their jobs on it are paused.',
    args: { input: t.arg({ type: RemoveCollaboratorInput, required: true, description: 'Whom.' }) },
    resolve: (_root, { input }, { viewer, collaboration }) =>
      collaboration.removeCollaborator(viewer, { ...input, artifactId: expectId('Artifact', input.artifactId) }),
  }),
}))
