/** Watching jobs: each as it is after it has changed, by an edit or by what the engine does with it. */
import { requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import type { Changes } from '../live/changes.ts'
import type { WatchedJob } from './change-source.ts'
import { type JobRights, LEVEL, seesJob } from './rights.ts'

export type JobChanges = Changes<WatchedJob>

export function createJobWatch({ changes, rights }: { changes: JobChanges; rights: JobRights }) {
  return {
    /**
     * The job, or with null all that the viewer may see but drafts and what is hidden, from now on. A deleted one is shown
     * once more, and ends the stream of one; what the viewer may see no more stays away.
     * @throws NotFoundError when there is no such job
     */
    async watch(viewer: Viewer, jobId: string | null): Promise<AsyncIterableIterator<WatchedJob>> {
      const reader = requireScope(viewer, 'jobs:read')
      const jobs = await changes.follow(jobId, (job) => {
        const isListed = !job.hidden && job.draftOfId === null
        return (jobId !== null || isListed) && seesJob(reader, job)
      })
      try {
        // Asked only now, so that nothing that changes meanwhile is missed.
        if (jobId !== null) await rights.requireJob(viewer, jobId, LEVEL.READ)
      } catch (error) {
        await jobs.return?.()
        throw error
      }
      return jobs
    },
  }
}
