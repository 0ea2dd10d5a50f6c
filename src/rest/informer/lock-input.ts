/** `lockedAt` of a change: an administrator locks a job, or lets it go; others send back what they have read. */
import { z } from '@hono/zod-openapi'
import type { Job } from '../../db/generated/prisma/client.ts'
import type { Viewer } from '../../identity/viewer.ts'
import type { RunService } from '../../runs/service.ts'

export const lockedAtSchema = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], { error: 'must be a date, ISO 8601' })
  .nullable()
  .optional()
  .describe(
    'For administrators: null ends a run that is at work, and lets the job go on; a date holds the job until null is sent. From others null, and what was read, is passed over.',
  )

/**
 * What is to be done about the lock once all else of the change is; it changes nothing by itself. Null: nothing.
 * @throws ForbiddenError
 */
export async function lockChange(
  runs: RunService,
  viewer: Viewer,
  job: Job,
  lockedAt: z.output<typeof lockedAtSchema>,
): Promise<(() => Promise<Job>) | null> {
  if (lockedAt === undefined) return null
  const change = await runs.lockChange(viewer, job, lockedAt === null ? null : new Date(lockedAt))
  if (change === null) return null
  return () => (change === 'RELEASE' ? runs.release(viewer, job.id) : runs.hold(viewer, job.id, change.heldAt))
}
