/** `lockedAt` of a change: an administrator locks a job, or lets it go; others send back what they have read. */
import type { Job } from '../../db/generated/prisma/client.ts'
import type { Viewer } from '../../identity/viewer.ts'
import type { RunService } from '../../runs/service.ts'

/**
 * What is to be done about the lock once all else of the change is; it changes nothing by itself. Null: nothing.
 * @throws ForbiddenError
 */
export async function lockChange(
  runs: RunService,
  viewer: Viewer,
  job: Job,
  lockedAt: Date | null | undefined,
): Promise<(() => Promise<Job>) | null> {
  const change = lockedAt === undefined ? null : await runs.lockChange(viewer, job, lockedAt)
  if (change === null) return null
  return () => (change === 'RELEASE' ? runs.release(viewer, job.id) : runs.hold(viewer, job.id, change.heldAt))
}
