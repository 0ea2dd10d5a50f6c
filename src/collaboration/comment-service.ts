/** Comments on artifacts. Each is an event of its artifact, `comment.added`, in the same transaction. */
import { noSuchArtifact, sees } from '../artifacts/rights.ts'
import type { Artifact, Comment, Principal, PrismaClient } from '../db/generated/prisma/client.ts'
import { listById } from '../db/keyset.ts'
import { sqlIn } from '../db/sql.ts'
import { emit } from '../events/outbox.ts'
import { mayManage, mayReadArtifact, requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { holdArtifact } from '../jobs/change.ts'
import { ForbiddenError, NotFoundError } from '../kernel/errors.ts'
import { formatId, newId } from '../kernel/ids.ts'
import type { Connection, PageArgs } from '../kernel/pages.ts'
import { validate } from '../kernel/validate.ts'
import { commentSpec } from './spec.ts'

export type LoadedComment = Comment & { author: Principal }

const noSuchComment = () => new NotFoundError('there is no such comment')

export function createCommentService({ prisma }: { prisma: PrismaClient }) {
  async function requireReadable(viewer: Viewer, id: string): Promise<Artifact> {
    const artifact = await prisma.artifact.findFirst({ where: { id, deletedAt: null } })
    if (!artifact || !mayReadArtifact(viewer, artifact)) throw noSuchArtifact()
    return artifact
  }

  return {
    /** Whoever may read an artifact may say something of it, with a token that may change something. */
    async addComment(
      viewer: Viewer,
      { artifactId, ...input }: { artifactId: string; text: string },
    ): Promise<LoadedComment> {
      const { principalId: authorId } = requireScope(viewer, 'artifacts:write')
      const { text } = validate(commentSpec, input)
      const { ownerId } = await requireReadable(viewer, artifactId)
      return prisma.$transaction(async (tx) => {
        if (!(await holdArtifact(tx, artifactId))) throw noSuchArtifact()
        const data = { id: newId(), artifactId, authorId, text }
        const comment = await tx.comment.create({ data, include: { author: true } })
        const { id, handle, name } = comment.author
        const author = { id: formatId('Principal', id), handle, name }
        const payload = { comment: { id: formatId('Comment', comment.id), author, text } }
        await emit(sqlIn(tx), { type: 'comment.added', ownerId, artifactId, payload })
        return comment
      })
    },

    /** One's own, or any on an artifact of one's own. Answers what it was. */
    async deleteComment(viewer: Viewer, commentId: string): Promise<LoadedComment> {
      const { principalId } = requireScope(viewer, 'artifacts:write')
      const include = { artifact: true, author: true } as const
      const found = await prisma.comment.findUnique({ where: { id: commentId }, include })
      if (!found) throw noSuchComment()
      const { artifact, ...comment } = found
      if (comment.authorId !== principalId && !mayManage(viewer, artifact)) {
        if (artifact.deletedAt || !sees(viewer, artifact)) throw noSuchComment()
        throw new ForbiddenError('only its author and the owner of the artifact may delete a comment')
      }
      const { count } = await prisma.comment.deleteMany({ where: { id: commentId } })
      if (count === 0) throw noSuchComment()
      return comment
    },

    /** Newest first, of an artifact that the viewer may read. */
    async comments(viewer: Viewer, artifactId: string, args: PageArgs): Promise<Connection<LoadedComment>> {
      await requireReadable(viewer, artifactId)
      return listById(args, {
        rows: (query) =>
          prisma.comment.findMany({ ...query, where: { ...query.where, artifactId }, include: { author: true } }),
        count: () => prisma.comment.count({ where: { artifactId } }),
      })
    },

    /** In the order of the ids; null where there is none that the viewer may read. */
    async commentsByIds(viewer: Viewer, ids: readonly string[]): Promise<(LoadedComment | null)[]> {
      const found = await prisma.comment.findMany({
        where: { id: { in: [...ids] }, artifact: { deletedAt: null } },
        include: { artifact: true, author: true },
      })
      const readable = found.filter(({ artifact }) => mayReadArtifact(viewer, artifact))
      const byId = new Map(readable.map(({ artifact, ...comment }) => [comment.id, comment]))
      return ids.map((id) => byId.get(id) ?? null)
    },
  }
}
