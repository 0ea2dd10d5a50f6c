/** What every resolver gets. Made from headers only, so that every transport can make it. */
import type { ServerResponse } from 'node:http'
import type { TrialService } from '../actions/trial.ts'
import type { ArtifactService } from '../artifacts/service.ts'
import type { CollaborationService } from '../collaboration/service.ts'
import type { DataService } from '../data/service.ts'
import type { PrismaClient } from '../db/generated/prisma/client.ts'
import type { DocumentService } from '../documents/service.ts'
import type { EventService } from '../events/service.ts'
import type { AnswerService } from '../idempotency/answers.ts'
import { bearerToken } from '../identity/bearer.ts'
import type { IdentityService } from '../identity/service.ts'
import type { Viewer } from '../identity/viewer.ts'
import type { JobService } from '../jobs/service.ts'
import type { RunService } from '../runs/service.ts'
import type { ScheduleService } from '../schedules/service.ts'
import type { StackService } from '../stacks/service.ts'
import type { UploadService } from '../uploads/service.ts'

type Services = {
  identity: IdentityService
  artifacts: ArtifactService
  schedules: ScheduleService
  jobs: JobService
  events: EventService
  runs: RunService
  data: DataService
  stacks: StackService
  trials: TrialService
  collaboration: CollaborationService
  documents: DocumentService
  uploads: UploadService
  answers: AnswerService
}

export type ContextDeps = Services & { prisma: PrismaClient }

/**
 * `idempotencyKey`: the header's; null: it has none, or the transport has no headers. `res`: of HTTP, for what its headers
 * tell of the operation.
 */
export type Context = ContextDeps & { viewer: Viewer; idempotencyKey: string | null; res?: ServerResponse }

/** `res`: see Context. @throws ForbiddenError UNAUTHENTICATED for a token that is not valid; no token at all is nobody. */
export async function createContext(
  deps: ContextDeps,
  authorization: string | null | undefined,
  idempotencyKey: string | null = null,
  res?: ServerResponse,
): Promise<Context> {
  const viewer = await deps.identity.authenticate(bearerToken(authorization))
  return { ...deps, viewer, idempotencyKey, ...(res && { res }) }
}
