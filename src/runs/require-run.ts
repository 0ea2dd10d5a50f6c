import type { Job, PrismaClient, Run } from '../db/generated/prisma/client.ts'
import type { Viewer } from '../identity/viewer.ts'
import { type JobRights, LEVEL } from '../jobs/rights.ts'
import { NotFoundError } from '../kernel/errors.ts'

/**
 * A run of a job that the viewer may change and run.
 * @throws NotFoundError if they may not know of it, ForbiddenError
 */
export async function requireRun(
  { prisma, rights }: { prisma: PrismaClient; rights: JobRights },
  viewer: Viewer,
  runId: string,
): Promise<Run & { job: Job }> {
  const run = await prisma.run.findUnique({ where: { id: runId }, include: { job: true } })
  const [access] = run ? await rights.accessTo(viewer, [run.job]) : []
  if (!run || !access?.level) throw new NotFoundError('there is no such run')
  await rights.require(viewer, run.job, LEVEL.EDIT)
  return run
}
