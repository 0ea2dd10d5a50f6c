/** Giving a job to another owner, as a part of a change. */
import type { Prisma } from '../db/generated/prisma/client.ts'
import type { LockedJob } from './change.ts'
import { freeSlug } from './slug.ts'

/** Its schedule follows, and its slug is one that no other job of the new owner has. */
export async function handedTo(
  tx: Prisma.TransactionClient,
  { id, scheduleId, slug }: LockedJob,
  ownerId: string,
): Promise<Prisma.JobUpdateInput> {
  if (scheduleId) await tx.schedule.update({ where: { id: scheduleId }, data: { ownerId } })
  await tx.share.deleteMany({ where: { jobId: id, principalId: ownerId } })
  return { owner: { connect: { id: ownerId } }, ...(slug !== null && { slug: await freeSlug(tx, ownerId, slug) }) }
}
