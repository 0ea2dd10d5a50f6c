/**
 * The one hidden job that runs of a stack by itself belong to, made and deleted with the stack. It is run and read like
 * any other, so runs need no second kind of parent; it is in no list, and nothing but its stack changes it.
 */
import { newSigningSecret } from '../actions/signature.ts'
import type { Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import { changeIn, remove } from '../jobs/change.ts'
import { newId } from '../kernel/ids.ts'
import type { Seal } from '../kernel/seal.ts'

const OWN = { hidden: true, deletedAt: null }

export const newOwnJob = (seal: Seal, ownerId: string, name: string) =>
  ({
    id: newId(),
    surface: 'GRAPHQL',
    name,
    ownerId,
    createdById: ownerId,
    trigger: 'MANUAL',
    hidden: true,
    signingSecret: { create: { current: seal.seal(newSigningSecret()) } },
  }) satisfies Prisma.JobUncheckedCreateWithoutStackInput

/** By the stack's id; a stack that is gone has none. */
export async function ownJobsOf(prisma: PrismaClient, stackIds: readonly string[]): Promise<Map<string, string>> {
  const jobs = await prisma.job.findMany({
    where: { ...OWN, stackId: { in: [...stackIds] } },
    select: { id: true, stackId: true },
  })
  return new Map(jobs.map(({ id, stackId }) => [stackId ?? '', id]))
}

export async function renameOwnJob(tx: Prisma.TransactionClient, stackId: string, name: string): Promise<void> {
  await tx.job.updateMany({ where: { ...OWN, stackId }, data: { name, version: { increment: 1 } } })
}

/** What waits is skipped, what runs finishes. */
export async function removeOwnJob(tx: Prisma.TransactionClient, stackId: string): Promise<void> {
  const job = await tx.job.findFirst({ where: { ...OWN, stackId } })
  if (job) await changeIn(tx, job.id, remove)
}
