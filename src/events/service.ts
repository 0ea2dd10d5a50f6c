import type { ArtifactService } from '../artifacts/service.ts'
import type { DomainEvent, PrismaClient } from '../db/generated/prisma/client.ts'
import { sqlIn } from '../db/sql.ts'
import { mayEditArtifact, requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ForbiddenError, NotFoundError } from '../kernel/errors.ts'
import { validate } from '../kernel/validate.ts'
import { emit } from './outbox.ts'
import { emitEventSpec } from './spec.ts'

export type EventService = ReturnType<typeof createEventService>

export function createEventService({ prisma, artifacts }: { prisma: PrismaClient; artifacts: ArtifactService }) {
  return {
    /** Starts the event jobs of an artifact that the viewer may change or, without one, of the viewer. */
    async emit(
      viewer: Viewer,
      input: { type: string; artifactId?: string | null | undefined; payload?: unknown },
    ): Promise<DomainEvent> {
      const { principalId } = requireScope(viewer, 'jobs:run')
      const { type, payload } = validate(emitEventSpec, input)
      const artifact = input.artifactId ? await artifacts.find(viewer, { id: input.artifactId }) : null
      if (input.artifactId && !artifact) throw new NotFoundError('there is no such artifact')
      if (artifact && !mayEditArtifact(viewer, artifact)) {
        throw new ForbiddenError('only the owner and the editors of an artifact may emit events of it')
      }
      return prisma.$transaction(async (tx) => {
        const id = await emit(sqlIn(tx), {
          type,
          ownerId: artifact?.ownerId ?? principalId,
          artifactId: artifact?.id ?? null,
          payload,
        })
        return tx.domainEvent.findUniqueOrThrow({ where: { id } })
      })
    },
  }
}
