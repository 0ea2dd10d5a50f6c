/** Which runs a list, or an operation on many, is about. */
import type { Prisma, RunStatus, RunTrigger } from '../db/generated/prisma/client.ts'
import type { SignedIn } from '../identity/viewer.ts'

export type RunFilter = {
  jobId?: string | null | undefined
  artifactId?: string | null | undefined
  status?: RunStatus | null | undefined
  trigger?: RunTrigger | null | undefined
  since?: Date | null | undefined
  until?: Date | null | undefined
}

/** `reader`: whose jobs; null: whoever's. */
export function runsWhere(reader: SignedIn | null, filter: RunFilter): Prisma.RunWhereInput {
  const { jobId, artifactId, status, trigger, since, until } = filter
  return {
    ...(reader && { job: { ownerId: reader.principalId } }),
    ...(jobId && { jobId }),
    ...(artifactId && { artifactId }),
    ...(status && { status }),
    ...(trigger && { trigger }),
    ...((since || until) && { queuedAt: { ...(since && { gte: since }), ...(until && { lt: until }) } }),
  }
}
