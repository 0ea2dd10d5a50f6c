/**
 * Who else may see and change an artifact. Its owner decides, under the lock of its row, so that whoever is let go has no
 * job on it any more that starts by itself: one that is being made meanwhile comes before, and is paused, or after.
 */
import { lockArtifact } from '../artifacts/deploy.ts'
import { noSuchArtifact, requireManaged, sees } from '../artifacts/rights.ts'
import type { Artifact, Collaborator, PrismaClient } from '../db/generated/prisma/client.ts'
import { sqlIn } from '../db/sql.ts'
import { mayEditArtifact, requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { pauseJobsOfFormerEditors } from '../jobs/change.ts'
import { ForbiddenError, LimitError, NotFoundError, ValidationError } from '../kernel/errors.ts'
import { validate } from '../kernel/validate.ts'
import { createCommentService } from './comment-service.ts'
import { addCollaboratorsSpec, COLLABORATORS_LIMIT, removeCollaboratorSpec } from './spec.ts'

export type CollaborationService = ReturnType<typeof createCollaborationService>

const UPSERT = `insert into collaborator (artifact_id, email, role)
  select $1::uuid, email, $3::collaborator_role from unnest($2::text[]) as given(email)
  on conflict (artifact_id, email) do update set role = excluded.role`

/** Ids are bare UUIDs. */
export function createCollaborationService({ prisma }: { prisma: PrismaClient }) {
  const listed = (db: Pick<PrismaClient, 'collaborator'>, artifactId: string): Promise<Collaborator[]> =>
    db.collaborator.findMany({ where: { artifactId }, orderBy: { email: 'asc' } })

  return {
    ...createCommentService({ prisma }),

    /** Whether the viewer may know who works on the artifact: its owner and its editors. */
    seesCollaborators: (viewer: Viewer, artifact: Pick<Artifact, 'id' | 'ownerId'>): boolean =>
      Boolean(viewer?.scopes.has('artifacts:read')) && mayEditArtifact(viewer, artifact),

    /** By address. Whoever asks has seen that they may. */
    collaboratorsOf: (artifactId: string): Promise<Collaborator[]> => listed(prisma, artifactId),

    /** The same for whoever may know: else ForbiddenError, or NotFoundError where the artifact is not theirs to see. */
    async collaborators(viewer: Viewer, artifactId: string): Promise<Collaborator[]> {
      requireScope(viewer, 'artifacts:read')
      const artifact = await prisma.artifact.findFirst({ where: { id: artifactId, deletedAt: null } })
      if (!artifact || !sees(viewer, artifact)) throw noSuchArtifact()
      if (mayEditArtifact(viewer, artifact)) return listed(prisma, artifactId)
      throw new ForbiddenError('only the owner and the editors of an artifact see who works on it')
    },

    /** Lets them in, or changes what they are. At most 1,000 an artifact: LimitError. */
    async addCollaborators(
      viewer: Viewer,
      { artifactId, ...input }: { artifactId: string; emails: readonly string[]; role: string },
    ): Promise<Artifact> {
      requireScope(viewer, 'artifacts:write')
      const { emails, role } = validate(addCollaboratorsSpec, input)
      return prisma.$transaction(async (tx) => {
        const artifact = requireManaged(viewer, await lockArtifact(sqlIn(tx), artifactId))
        const owner = await tx.principal.findUniqueOrThrow({ where: { id: artifact.ownerId } })
        if (owner.email && emails.includes(owner.email.toLowerCase())) {
          throw ValidationError.at('emails', 'must not name the owner, who may do everything already')
        }
        await sqlIn(tx)(UPSERT, [artifactId, emails, role])
        const count = await tx.collaborator.count({ where: { artifactId } })
        if (count > COLLABORATORS_LIMIT) {
          throw new LimitError(`an artifact has at most ${COLLABORATORS_LIMIT} collaborators`)
        }
        if (role !== 'EDITOR') await pauseJobsOfFormerEditors(tx, artifactId, emails)
        return artifact
      })
    },

    /** Answers the artifact; NotFoundError where nobody has this address. */
    async removeCollaborator(
      viewer: Viewer,
      { artifactId, ...input }: { artifactId: string; email: string },
    ): Promise<Artifact> {
      requireScope(viewer, 'artifacts:write')
      const { email } = validate(removeCollaboratorSpec, input)
      return prisma.$transaction(async (tx) => {
        const artifact = requireManaged(viewer, await lockArtifact(sqlIn(tx), artifactId))
        const { count } = await tx.collaborator.deleteMany({ where: { artifactId, email } })
        if (count === 0) throw new NotFoundError(`${email} is no collaborator of the artifact`)
        await pauseJobsOfFormerEditors(tx, artifactId, [email])
        return artifact
      })
    },
  }
}
