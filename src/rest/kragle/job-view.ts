/** What clients are shown of their jobs. */
import { z } from '@hono/zod-openapi'
import type { Job } from '../../db/generated/prisma/client.ts'
import type { IdentityService } from '../../identity/service.ts'
import type { Viewer } from '../../identity/viewer.ts'
import type { ScheduleService } from '../../schedules/service.ts'
import type { StackService } from '../../stacks/service.ts'

export const jobSchema = z
  .object({
    id: z.int(),
    name: z.string().nullable(),
    stack: z.int().nullable().describe('What it runs; null: a stack that you cannot read any more.'),
    schedule: z.int().nullable().describe('When.'),
    next_run: z.int().nullable().describe('Seconds since 1970; null: it is not active, or has run for the last time.'),
    do_run: z.boolean().describe('Whether it is active.'),
    do_del: z.boolean().describe('Whether its next run deletes it, and does nothing else.'),
  })
  .openapi('Job')

export const changedJobSchema = jobSchema.extend({ owner: z.int().describe('You.') }).openapi('ChangedJob')

type JobView = z.input<typeof jobSchema>

export type JobViewDeps = { identity: IdentityService; schedules: ScheduleService; stacks: StackService }

export function createJobViews({ identity, schedules, stacks }: JobViewDeps) {
  /** In the order of the jobs, by the same statements however many they are. */
  async function views(viewer: Viewer, jobs: readonly Job[]): Promise<JobView[]> {
    const [schedulesOf, stacksOf] = await Promise.all([
      schedules.byIds(jobs.flatMap(({ scheduleId }) => scheduleId ?? [])),
      stacks.byIds(
        viewer,
        jobs.flatMap(({ stackId }) => stackId ?? []),
      ),
    ])
    const numbers = new Map([...schedulesOf, ...stacksOf].flatMap((each) => (each ? [[each.id, each.number]] : [])))
    const numberOf = (id: string | null) => numbers.get(id ?? '') ?? null
    return jobs.map((job) => ({
      id: job.number,
      name: job.name,
      stack: numberOf(job.stackId),
      schedule: numberOf(job.scheduleId),
      next_run: job.enabled && job.nextRunAt ? Math.floor(job.nextRunAt.getTime() / 1000) : null,
      do_run: job.enabled,
      do_del: job.deletionQueued,
    }))
  }

  async function view(viewer: Viewer, job: Job): Promise<JobView> {
    const [shown] = await views(viewer, [job])
    return shown as JobView
  }

  return {
    views,
    view,

    /** With its owner. */
    async changed(viewer: Viewer, job: Job): Promise<z.input<typeof changedJobSchema>> {
      const [shown, [owner]] = await Promise.all([view(viewer, job), identity.principals([job.ownerId])])
      return { ...shown, owner: owner?.number ?? 0 }
    },
  }
}
