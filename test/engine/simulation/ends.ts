/** How a job ends: with its last slot, with the slot that is to delete it, or by nobody but its owner. */
import type { Job } from './jobs.ts'
import type { Ledger, Run } from './ledger.ts'
import type { World } from './world.ts'

export function checkEnd(world: World, job: Job, runs: Run[], ledger: Ledger): void {
  const row = ledger.jobs.find(({ id }) => id === job.id)
  if (!row) throw new Error(`job ${job.id} left no record`)
  const byOwner = job.isDeleted || job.leaving !== null
  if (row.isDeleted && !byOwner && row.endOfLife !== 'DELETE') world.violate('a job is deleted by who may', job.id)
  if (!row.enabled && !row.isPaused && !byOwner && row.endOfLife === 'DELETE' && !row.isDeleted) {
    world.violate('a job that is to go with its last slot is gone', job.id)
  }
  const { leaving } = job
  if (!leaving) return
  // One period: it was neither paused nor changed after that, so its next slot had to come.
  if (row.enabled && row.deletionQueued && job.periods.length === 1) {
    world.violate('the next slot deletes a job that is to go with it', job.id)
  }
  if (world.wentBack()) return
  for (const { id, trigger, scheduledFor, status } of runs) {
    if (trigger === 'SCHEDULE' && scheduledFor && scheduledFor > leaving.high && status !== 'SKIPPED') {
      world.violate('no slot runs that was to delete its job', `run ${id}`)
    }
  }
}
