import { givenOf } from '../actions/given.ts'
import { redactJson } from '../actions/redaction.ts'
import { withoutSecrets } from '../actions/steps.ts'
import type { Action, Job, Schedule, Surface } from '../db/generated/prisma/client.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ValidationError } from '../kernel/errors.ts'
import { nextSlots } from '../schedules/recurrence.ts'
import { recurrenceOf } from '../schedules/stored.ts'
import { createJobActions } from './action-service.ts'
import type { JobCreationDeps } from './create.ts'
import { createJobDatasets } from './dataset-service.ts'
import { createDrafts } from './drafts.ts'
import { createJobEditing } from './edit.ts'
import { createFavorites } from './favorites.ts'
import { knowsInformerType } from './informer-step.ts'
import { createJobLists } from './list.ts'
import { createManyJobs } from './many.ts'
import { createNumberedJobs } from './numbered.ts'
import { createOwnership } from './ownership.ts'
import { type JobRights, LEVEL } from './rights.ts'
import { createJobRows } from './rows.ts'
import { type ShareoutAction, shareoutConfigOf } from './shareout-actions.ts'
import { createSharing } from './sharing.ts'
import { createSigningSecrets } from './signing-secrets.ts'
import { tagsOf } from './tags.ts'
import { createJobWatch, type JobChanges } from './watch.ts'
import { createJobWriting } from './write.ts'

export type JobService = ReturnType<typeof createJobService>

/** `Job.upcoming` shows no more. */
const UPCOMING_LIMIT = 100

export function createJobService(deps: JobCreationDeps & { rights: JobRights; changes: JobChanges }) {
  const { prisma, pool, seal, rights } = deps
  const readJobs = createJobRows(pool)
  const editing = createJobEditing(deps)
  const { requireJob, change } = editing
  const lists = createJobLists(deps)
  const writing = createJobWriting({ ...deps, editing })

  function shareoutAction(viewer: Viewer, stored: Pick<Action, 'kind' | 'config'>): ShareoutAction | null {
    const [shown = stored] = withoutSecrets(deps.actions, viewer, [stored])
    const given = givenOf(stored.config)
    const inTheirs = shareoutConfigOf(shown)
    return inTheirs && given && viewer?.scopes.has('jobs:write') ? { ...inTheirs, config: given } : inTheirs
  }

  return {
    ...writing,
    ...createManyJobs({ rights, all: lists.all, pause: writing.pause, resume: writing.resume }),
    ...createDrafts({ ...deps, editing }),
    ...createOwnership({ ...deps, requireJob }),
    ...createSharing({ prisma, rights, requireJob }),
    ...createFavorites({ prisma, rights }),
    ...createJobWatch(deps),
    ...createSigningSecrets({ prisma, seal, rights, change }),
    ...createJobDatasets({ ...deps, editing }),
    ...createJobActions({ ...deps, editing }),
    ...lists,
    ...createNumberedJobs({ prisma }),

    async find(viewer: Viewer, id: string): Promise<Job | null> {
      const found = (await readJobs([id])).filter(({ deletedAt }) => deletedAt === null)
      return (await rights.readable(viewer, found))[0] ?? null
    },

    /** By its owner's handle, of a team with or without `team:`, and its slug, which only jobs of some surfaces have. */
    async findNamed(
      viewer: Viewer,
      { handle, slug, surface }: { handle: string; slug: string; surface: Surface },
    ): Promise<Job | null> {
      const owner = { handle: { in: [handle, `team:${handle}`] } }
      const found = await prisma.job.findMany({
        where: { slug, surface, owner, deletedAt: null, draftOfId: null },
        include: { owner: { select: { handle: true } } },
      })
      const [first, second] = await rights.readable(viewer, found)
      // A user comes before the team that is called so.
      return (second?.owner.handle === handle ? second : first) ?? null
    },

    /** In the order of the ids, deleted ones too; null where there is none that the viewer may read. */
    async byIds(viewer: Viewer, ids: readonly string[]): Promise<(Job | null)[]> {
      const found = await readJobs(ids)
      const byId = new Map((await rights.readable(viewer, found)).map((job) => [job.id, job]))
      return ids.map((id) => byId.get(id) ?? null)
    },

    /** Whether the first step of an Informer job of this type does anything. */
    knowsType: knowsInformerType,

    /** What the first step of an Informer job is told; those who may not change it see no secrets. */
    async dataOf(viewer: Viewer, job: Job): Promise<Record<string, unknown>> {
      const [access] = await rights.accessTo(viewer, [job])
      const mayWrite = viewer?.scopes.has('jobs:write') && (access?.level ?? LEVEL.NONE) >= LEVEL.EDIT
      return (mayWrite ? job.data : redactJson(job.data)) as Record<string, unknown>
    },

    /** In the order of the jobs, each by name. */
    tagsOf: (jobIds: readonly string[]) => tagsOf(prisma, jobIds),

    /** The steps of each job, in order: its own, or those of its stack; as the viewer may see them. */
    async actionsOf(viewer: Viewer, jobs: readonly Job[]): Promise<Action[][]> {
      const sources = [...new Set(jobs.map(sourceOf))]
      const actions = await prisma.action.findMany({
        where: { OR: [{ jobId: { in: sources } }, { stackId: { in: sources } }] },
        orderBy: { position: 'asc' },
      })
      const bySource = new Map(sources.map((id) => [id, [] as Action[]]))
      const access = await rights.accessTo(viewer, jobs)
      const open = new Set(jobs.filter((_, index) => (access[index]?.level ?? 0) >= LEVEL.EDIT).map(sourceOf))
      const shown = withoutSecrets(deps.actions, viewer, actions, (action) =>
        open.has(action.stackId ?? action.jobId ?? ''),
      )
      for (const action of shown) bySource.get(action.stackId ?? action.jobId ?? '')?.push(action)
      return jobs.map((job) => bySource.get(sourceOf(job)) ?? [])
    },

    /**
     * The one action of each job that clients of ShareOut know, as it was given to its API; after a change through another,
     * and for tokens that may not see its secrets, as it is stored. Null: they know none like it.
     */
    async shareoutActions(viewer: Viewer, jobs: readonly Job[]): Promise<(ShareoutAction | null)[]> {
      const stored = await prisma.action.findMany({ where: { jobId: { in: jobs.map(({ id }) => id) }, position: 0 } })
      const byJob = new Map(stored.map((action) => [action.jobId, shareoutAction(viewer, action)]))
      return jobs.map(({ id }) => byJob.get(id) ?? null)
    },

    /** The same of the action of a job that was made just now. */
    shareoutAction,

    /** The next slots of a job with this schedule, as far as they can be known; none while it is paused, or if the next deletes it. */
    upcoming(job: Job, schedule: Schedule | null, count: number): Date[] {
      if (count < 1 || count > UPCOMING_LIMIT) throw ValidationError.at('count', `must be from 1 to ${UPCOMING_LIMIT}`)
      if (!job.enabled || !job.nextRunAt || job.deletionQueued || !schedule) return []
      return nextSlots(recurrenceOf(schedule), job, new Date(job.nextRunAt.getTime() - 1), count)
    },

    /** What the viewer may do with each job. */
    accessTo: rights.accessTo,
  }
}

/** Whose the steps of a job are: its own, or of its stack. */
const sourceOf = ({ id, stackId }: Job) => stackId ?? id
