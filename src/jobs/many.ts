/** Pausing and resuming many jobs: each by itself, under its own lock, so that a fault in between leaves whole jobs. */
import type { Job } from '../db/generated/prisma/client.ts'
import { requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { DomainError } from '../kernel/errors.ts'
import { validate } from '../kernel/validate.ts'
import { MANY_LIMIT, manySpec } from '../runs/spec.ts'
import type { JobFilter } from './list.ts'
import { type JobRights, LEVEL } from './rights.ts'

/** `hasMore`: there are others that match. */
export type ManyJobs = { jobs: Job[]; hasMore: boolean }

type Deps = {
  rights: JobRights
  all(viewer: Viewer, filter: JobFilter): AsyncGenerator<Job[]>
  pause(viewer: Viewer, jobId: string): Promise<Job>
  resume(viewer: Viewer, jobId: string): Promise<Job>
}

export function createManyJobs({ rights, all, pause, resume }: Deps) {
  /** Jobs that the viewer may change, the oldest first. */
  async function* changeable(viewer: Viewer, filter: JobFilter): AsyncGenerator<Job> {
    for await (const jobs of all(viewer, filter)) {
      const access = await rights.accessTo(viewer, jobs)
      yield* jobs.filter((_, index) => (access[index]?.level ?? LEVEL.NONE) >= LEVEL.EDIT)
    }
  }

  /** Those that are, or are not, `enabled`. */
  async function change(
    viewer: Viewer,
    { filter, limit, enabled }: { filter: JobFilter; limit: number | null | undefined; enabled: boolean },
    one: (viewer: Viewer, jobId: string) => Promise<Job>,
  ): Promise<ManyJobs> {
    requireScope(viewer, 'jobs:write')
    validate(manySpec, { limit })
    const changed: Job[] = []
    if (filter.enabled === !enabled) return { jobs: changed, hasMore: false }
    for await (const { id } of changeable(viewer, { ...filter, enabled })) {
      if (changed.length === (limit ?? MANY_LIMIT)) return { jobs: changed, hasMore: true }
      const job = await one(viewer, id).catch((error) => {
        // Deleted meanwhile, or over for good: the others do not suffer for it.
        if (error instanceof DomainError) return null
        throw error
      })
      if (job) changed.push(job)
    }
    return { jobs: changed, hasMore: false }
  }

  return {
    /** Of the jobs that match those that the viewer may change and that are not paused, the oldest first. */
    pauseMany: (viewer: Viewer, filter: JobFilter, limit?: number | null) =>
      change(viewer, { filter, limit, enabled: true }, pause),

    /** Of those that match those that are paused and have a slot left, the oldest first. */
    resumeMany: (viewer: Viewer, filter: JobFilter, limit?: number | null) =>
      change(viewer, { filter, limit, enabled: false }, resume),
  }
}
