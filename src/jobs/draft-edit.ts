/** What a draft says of its original, as an edit like any other. */
import { isDeepStrictEqual } from 'node:util'
import type { DatasetPort } from '../actions/ports.ts'
import type { ActionRegistry } from '../actions/registry.ts'
import type { Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import { requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ConflictError, ValidationError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import { recurrenceOf } from '../schedules/stored.ts'
import { checkStack, stepsIn } from '../stacks/use.ts'
import { aliasesOf, inputOf, parseDatasets, requireScopes } from './datasets.ts'
import type { Edit, JobEditing } from './edit.ts'
import { flawsOfSteps, type Work } from './work.ts'

/** A job with all that an edit may change. */
export type WholeJob = Prisma.JobGetPayload<{ include: { schedule: true; actions: true; datasets: true; tags: true } }>

/** Null: it is gone. */
export async function wholeJob(db: PrismaClient | Prisma.TransactionClient, id: string): Promise<WholeJob | null> {
  const job = await db.job.findFirst({ where: { id, deletedAt: null }, include: { schedule: true } })
  if (!job) return null
  // One after the other: within a transaction there is one connection for all.
  const actions = await db.action.findMany({ where: { jobId: id }, orderBy: { position: 'asc' } })
  const datasets = await db.jobDataset.findMany({ where: { jobId: id }, orderBy: { position: 'asc' } })
  const tags = await db.jobTag.findMany({ where: { jobId: id }, orderBy: { tagId: 'asc' } })
  return { ...job, actions, datasets, tags }
}

export function createDraftEdits(deps: {
  prisma: PrismaClient
  actions: ActionRegistry
  datasets: DatasetPort
  editing: JobEditing
}) {
  const { prisma, actions: registry, datasets: port, editing } = deps
  const findSteps = stepsIn(prisma)

  /** What the draft does, checked once more: the world may have changed since it was written. */
  async function workOf(viewer: Viewer, draft: WholeJob, subject: Parameters<typeof checkStack>[3]): Promise<Work> {
    if (draft.stackId)
      return { stack: await checkStack({ findSteps, actions: registry }, viewer, draft.stackId, subject) }
    if (draft.actions.length === 0) throw new ConflictError('the stack of the draft is deleted: give it actions')
    const flaws = await flawsOfSteps(registry, draft.surface, draft.actions, subject)
    if (flaws.length > 0) throw new ValidationError(flaws)
    for (const { kind, config } of draft.actions) {
      for (const scope of registry.scopesOf(kind, config)) requireScope(viewer, scope)
    }
    return { steps: stepsOf(draft).map((step) => ({ ...step, id: newId() })) }
  }

  /** What is the same in both is left alone: a schedule keeps its next slot, and a step its id. */
  return async function editOf(viewer: Viewer, draft: WholeJob, original: WholeJob): Promise<Edit> {
    const ownerId = await editing.actsFor(viewer, original)
    const subject = { ownerId, artifactId: original.artifactId }
    const sameDatasets = isDeepStrictEqual(draft.datasets.map(inputOf), original.datasets.map(inputOf))
    const datasets = sameDatasets ? null : await parseDatasets(port, subject, draft.datasets.map(inputOf))
    requireScopes(viewer, datasets ?? [])
    const aliases = aliasesOf(datasets ?? original.datasets)
    const doesSame = draft.stackId === original.stackId && isDeepStrictEqual(stepsOf(draft), stepsOf(original))
    const work = doesSame ? null : await workOf(viewer, draft, { ...subject, datasets: aliases })
    const saysSame = draft.type === original.type && isDeepStrictEqual(draft.data, original.data)
    const said = { type: draft.type ?? '', data: (draft.data ?? {}) as Record<string, unknown> }
    return {
      spec: specOf(draft, original),
      enabled: draft.enabled === original.enabled ? undefined : draft.enabled,
      schedule: scheduleOf(draft, original),
      scheduleId: undefined,
      datasets,
      work,
      said: draft.type === null || (saysSame && !work) ? null : said,
      ownerId,
    }
  }
}

const stepsOf = ({ actions }: WholeJob) =>
  actions.map(({ position, kind, name, config }) => ({ position, kind, name, config: config as Prisma.InputJsonValue }))

const planOf = ({ schedule }: WholeJob) => schedule && { recurrence: recurrenceOf(schedule), text: schedule.text }

function scheduleOf(draft: WholeJob, original: WholeJob): Edit['schedule'] {
  const plan = planOf(draft)
  return isDeepStrictEqual(plan, planOf(original)) ? undefined : plan
}

function specOf(draft: WholeJob, original: WholeJob): Edit['spec'] {
  const { concurrencyLimit: limit, concurrencyKey: key } = draft
  const { maxAttempts, backoff, initialDelay, maxDelay, jitter, retryOn } = draft
  const differs = (['startOn', 'endOn', 'dstGap'] as const).filter(
    (field) => !isDeepStrictEqual(draft[field], original[field]),
  )
  return {
    ...(draft.name !== draft.draftName && { name: draft.name }),
    description: draft.description,
    notes: draft.notes,
    source: draft.source,
    sourceId: draft.sourceId,
    tags: draft.tags.map(({ tagId }) => tagId),
    eventType: draft.eventType,
    timezone: draft.timezone,
    ...Object.fromEntries(differs.map((field) => [field, draft[field]])),
    retry: { maxAttempts, backoff, initialDelay, maxDelay, jitter, retryOn },
    overlap: draft.overlap,
    catchUp: draft.catchUp,
    catchUpWindow: draft.catchUpWindow,
    timeout: draft.timeoutSeconds,
    spread: draft.spread,
    priority: draft.priority,
    concurrency: limit === null ? null : { limit, key },
  }
}
