/** What every resolver gets. Made from headers, address and request id only, so that every transport can make it. */
import type { ArtifactService } from '../artifacts/service.ts'
import type { PrismaClient } from '../db/generated/prisma/client.ts'
import type { IdentityService } from '../identity/service.ts'
import type { Viewer } from '../identity/viewer.ts'
import type { JobService } from '../jobs/service.ts'
import type { RunService } from '../runs/service.ts'
import type { ScheduleService } from '../schedules/service.ts'

export type Services = {
  identity: IdentityService
  artifacts: ArtifactService
  schedules: ScheduleService
  jobs: JobService
  runs: RunService
}

export type Context = Services & {
  viewer: Viewer
  requestId: string
  prisma: PrismaClient
  limits: { queryCost: number }
}
