/** Jobs as Informer shows them. */
import { z } from '@hono/zod-openapi'
import type { Job, Principal } from '../../db/generated/prisma/client.ts'
import type { IdentityService } from '../../identity/service.ts'
import type { SignedIn, Viewer } from '../../identity/viewer.ts'
import { LEVEL, type Level, permissionsOf } from '../../jobs/rights.ts'
import type { JobService } from '../../jobs/service.ts'
import type { JobLock } from '../../runs/queries.ts'
import type { RunService } from '../../runs/service.ts'
import type { ScheduleService } from '../../schedules/service.ts'
import { type Embedded, embeddedOf, embeddedSchema, NOTHING_EMBEDDED } from './embedded.ts'
import { link, linkSchema } from './hal.ts'
import { intervalView, type Planned } from './interval.ts'
import { jobHref } from './job-href.ts'

const instant = z.string().nullable().describe('ISO 8601 with milliseconds, in UTC.')

const commonFields = {
  id: z.string(),
  type: z.string(),
  name: z.string(),
  slug: z.string(),
  description: z.string().nullable(),
  ownerId: z.string().describe('Handle of a user, or `team:` and that of a team.'),
  interval: z.string().nullable(),
  intervalType: z.enum(['cron', 'simple', 'once']).nullable(),
  timezone: z.string(),
  enabled: z.boolean(),
  nextRunAt: instant,
  startOn: instant,
  endOn: instant,
  lockedAt: instant,
  createdAt: z.string(),
  updatedAt: z.string(),
}

/** A job in a list. */
export const jobItemSchema = z.object({ _links: z.object({ self: linkSchema }), ...commonFields }).openapi('JobItem')

export const jobSchema = z
  .object({
    ...commonFields,
    heartbeat: instant,
    data: z.record(z.string(), z.unknown()),
    notes: z.string().nullable(),
    source: z.string().nullable(),
    sourceId: z.string().nullable(),
    editingId: z.string().nullable().describe('Of a draft: whose it is.'),
    tags: z.array(z.string()).describe('Their ids.'),
    driver: z.object({ type: z.string(), known: z.boolean() }),
    _links: z.object({
      self: linkSchema,
      'inf:job-history': linkSchema,
      'inf:job-actions': linkSchema,
      'inf:job-datasets': linkSchema,
    }),
    _embedded: embeddedSchema,
    permissions: z.object({ read: z.boolean(), edit: z.boolean(), delete: z.boolean(), run: z.boolean() }),
  })
  .openapi('Job')

export const iso = (at: Date | null): string | null => at?.toISOString() ?? null

export type JobViewDeps = {
  jobs: JobService
  runs: RunService
  identity: IdentityService
  schedules: ScheduleService
}

export function createJobViews({ jobs, runs, identity, schedules }: JobViewDeps) {
  /** What the views of these jobs need beside them, by a number of statements that does not depend on theirs. */
  async function factsOf(list: readonly Job[]) {
    const [owners, plans, locks] = await Promise.all([
      identity.principals(list.map(({ ownerId }) => ownerId)),
      schedules.byIds(list.flatMap(({ scheduleId }) => scheduleId ?? [])),
      runs.locksOf(list.map(({ id }) => id)),
    ])
    const byId = new Map(plans.flatMap((plan) => (plan ? [[plan.id, plan] as const] : [])))
    return list.map((job, index) => ({
      owner: owners[index] ?? null,
      schedule: byId.get(job.scheduleId ?? '') ?? null,
      lock: locks[index] ?? null,
    }))
  }

  const common = (job: Job, { owner, schedule, lock }: Facts) => ({
    id: job.id,
    type: job.type ?? '',
    name: job.name ?? '',
    slug: job.slug ?? '',
    description: job.description,
    ownerId: owner?.handle ?? '',
    ...intervalView(schedule, job.startOn),
    timezone: schedule?.timezone ?? job.timezone ?? schedules.defaultTimezone,
    enabled: job.enabled,
    nextRunAt: iso(job.nextRunAt),
    startOn: iso(job.startOn),
    endOn: iso(job.endOn),
    lockedAt: iso(job.heldAt ?? lock?.lockedAt ?? null),
    createdAt: job.createdAt.toISOString(),
    updatedAt: job.updatedAt.toISOString(),
  })

  const wholeView = (job: Job, facts: Facts, level: Level, more: More) => {
    const href = jobHref(job.id)
    const { read, edit, delete: mayDelete, run } = permissionsOf(job, level)
    return {
      ...common(job, facts),
      heartbeat: iso(facts.lock?.heartbeat ?? null),
      data: more.data,
      notes: job.notes,
      source: job.source,
      sourceId: job.sourceId,
      editingId: job.draftOfId,
      tags: more.tags,
      driver: { type: job.type ?? '', known: jobs.knowsType(job.type ?? '') },
      _links: {
        self: link(href),
        'inf:job-history': link(`${href}/history`),
        'inf:job-actions': link(`${href}/actions`),
        'inf:job-datasets': link(`${href}/datasets`),
      },
      _embedded: more._embedded,
      permissions: { read, edit, delete: mayDelete, run },
    }
  }

  return {
    factsOf,

    /** In the order of the jobs. */
    async items(list: readonly Job[]) {
      const facts = await factsOf(list)
      return list.map((job, index) => ({
        _links: { self: link(jobHref(job.id)) },
        ...common(job, facts[index] ?? NO_FACTS),
      }))
    },

    /** With all that the viewer may know of it. */
    async whole(viewer: Viewer, job: Job) {
      const [[facts = NO_FACTS], [access], [tags = []], data, _embedded] = await Promise.all([
        factsOf([job]),
        jobs.accessTo(viewer, [job]),
        jobs.tagsOf([job.id]),
        jobs.dataOf(viewer, job),
        embeddedOf(jobs, viewer, job),
      ])
      const more = { data, tags: tags.map(({ id }) => id), _embedded }
      return wholeView(job, facts, access?.level ?? LEVEL.NONE, more)
    },

    /** The same of a job that its owner has made just now, without tags and datasets: nobody has to be asked. */
    made(owner: SignedIn, job: Job, schedule: Facts['schedule']) {
      const more = { data: (job.data ?? {}) as Record<string, unknown>, tags: [], _embedded: NOTHING_EMBEDDED }
      return wholeView(job, { owner, schedule, lock: null }, LEVEL.OWN, more)
    },
  }
}

type Facts = {
  owner: Pick<Principal, 'handle'> | null
  schedule: Planned | null
  lock: JobLock | null
}

type More = { data: Record<string, unknown>; tags: string[]; _embedded: Embedded }

const NO_FACTS: Facts = { owner: null, schedule: null, lock: null }
