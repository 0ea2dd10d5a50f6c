/** Giving a job to another owner, as a part of a change. */
import type { Prisma } from '../db/generated/prisma/client.ts'
import type { LockedJob } from './change.ts'
import { freeSlug } from './slug.ts'

/** Its schedule follows, if that is its own, and its slug is one that no other job of the new owner has. */
export async function handedTo(
  tx: Prisma.TransactionClient,
  { id, schedule, slug }: LockedJob,
  ownerId: string,
): Promise<Prisma.JobUpdateInput> {
  if (schedule && !schedule.shared) await tx.schedule.update({ where: { id: schedule.id }, data: { ownerId } })
  await tx.share.deleteMany({ where: { jobId: id, principalId: ownerId } })
  return { owner: { connect: { id: ownerId } }, ...(slug !== null && { slug: await freeSlug(tx, ownerId, slug) }) }
}
