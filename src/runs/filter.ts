/** Which runs a list, or an operation on many, is about. */
import type { Prisma, RunStatus, RunTrigger } from '../db/generated/prisma/client.ts'
import { principalsOf, type SignedIn } from '../identity/viewer.ts'

export type RunFilter = {
  jobId?: string | null | undefined
  artifactId?: string | null | undefined
  status?: RunStatus | null | undefined
  trigger?: RunTrigger | null | undefined
  since?: Date | null | undefined
  until?: Date | null | undefined
}

/** Runs of jobs that are theirs or their teams', or those also that are shared with them. */
export type Whose = { ownedBy: SignedIn } | { readBy: SignedIn }

const jobsOf = (whose: Whose): Prisma.JobWhereInput => {
  if ('ownedBy' in whose) return { ownerId: { in: principalsOf(whose.ownedBy) } }
  const principals = { in: principalsOf(whose.readBy) }
  return { OR: [{ ownerId: principals }, { shares: { some: { principalId: principals } } }] }
}

/** `whose` null: whoever's. */
export function runsWhere(whose: Whose | null, filter: RunFilter): Prisma.RunWhereInput {
  const { jobId, artifactId, status, trigger, since, until } = filter
  return {
    ...(whose && { job: jobsOf(whose) }),
    ...(jobId && { jobId }),
    ...(artifactId && { artifactId }),
    ...(status && { status }),
    ...(trigger && { trigger }),
    ...((since || until) && { queuedAt: { ...(since && { gte: since }), ...(until && { lt: until }) } }),
  }
}
