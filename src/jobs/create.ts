/**
 * New jobs. Most are made by one statement, which those who ask at the same time share, with its commit: what was checked
 * before must still be so then. What that statement does not take is made in a transaction that holds what it looks at.
 */
import type pg from 'pg'
import type { DatasetPort } from '../actions/ports.ts'
import type { ActionRegistry } from '../actions/registry.ts'
import { newSigningSecret } from '../actions/signature.ts'
import type { Step } from '../actions/steps.ts'
import { noSuchArtifact } from '../artifacts/rights.ts'
import type { ArtifactService } from '../artifacts/service.ts'
import { isUnreachable } from '../db/errors.ts'
import type { Action, Artifact, Job, Prisma, PrismaClient, Schedule, Surface } from '../db/generated/prisma/client.ts'
import { sqlIn, sqlOn } from '../db/sql.ts'
import { mayEditArtifact, requireScope } from '../identity/permissions.ts'
import type { SignedIn, Viewer } from '../identity/viewer.ts'
import { createBatch } from '../kernel/batch.ts'
import { ForbiddenError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import type { Seal } from '../kernel/seal.ts'
import { validate } from '../kernel/validate.ts'
import type { ScheduleService } from '../schedules/service.ts'
import { requireWindow } from '../schedules/spec.ts'
import { spreadOffsetMs } from '../schedules/spread.ts'
import { recurrenceOf } from '../schedules/stored.ts'
import { holdSchedule } from '../schedules/use.ts'
import type { CheckedStack } from '../stacks/use.ts'
import { holdStack } from '../stacks/use.ts'
import { databaseNow, firstSlot, holdArtifact, mayHaveJobsOn, requireSpread, throwTaken } from './change.ts'
import { aliasesOf, parseDatasets, requireScopes, setDatasets } from './datasets.ts'
import { newSchedule, type Parts, requireOneSchedule, triggerOf } from './edit.ts'
import { insertJobs, type NewJob, type OwnSchedule } from './insert.ts'
import { freeSlug, slugOfName, wantedSlug } from './slug.ts'
import { type CreateJobInput, createJobSpec, policiesOf } from './spec.ts'
import { defaultsOf, endOfLifeOf, retriesSlotsOnly, timezoneOf } from './surface.ts'
import { setTags } from './tags.ts'
import { firstStep, type MakeStack, type Work, workParser } from './work.ts'

/** Jobs that one statement makes, and statements at a time. */
const TOGETHER = { maxSize: 50, maxInFlight: 2 }

export type CreateInput = CreateJobInput & Parts & { artifactId?: string | null | undefined }

/** A job that was made just now, with what nobody has to ask for. `steps`: of its own, as they are stored. */
export type MadeJob = { job: Job; schedule: Schedule | OwnSchedule | null; steps: readonly Stored[] }

type Stored = Pick<Action, 'kind' | 'config'>

const stored = (steps: readonly Step[]): Stored[] => JSON.parse(JSON.stringify(steps))

const notAnEditor = () => new ForbiddenError('only the owner and the editors of an artifact may put jobs on it')

export type JobCreationDeps = {
  prisma: PrismaClient
  pool: pg.Pool
  artifacts: ArtifactService
  schedules: ScheduleService
  actions: ActionRegistry
  datasets: DatasetPort
  seal: Seal
}

export function createJobCreation(deps: JobCreationDeps) {
  const { prisma, pool, artifacts, schedules, seal } = deps
  const parse = workParser(deps)
  const sql = sqlOn(pool)

  const insert = createBatch<NewJob, Job | null>(
    (jobs) =>
      insertJobs(sql, jobs).catch((error) => {
        if (isUnreachable(error)) throw error
        // One of them is refused, and with it all: each is for itself then, and is told what is wrong.
        return jobs.map(() => null)
      }),
    TOGETHER,
  )

  const now = createBatch<null, Date>(async (asked) => {
    const at = await databaseNow(sql)
    return asked.map(() => at)
  }, TOGETHER)

  /** The artifact that a job is put on: one that the viewer may change. */
  async function requireArtifact(viewer: SignedIn, id: string): Promise<Artifact> {
    const artifact = await artifacts.find(viewer, { id })
    if (!artifact) throw noSuchArtifact()
    if (!mayEditArtifact(viewer, artifact)) throw notAnEditor()
    return artifact
  }

  /** What a viewer asks for, checked: a function from what is known when it is made to its rows. */
  async function plan(viewer: Viewer, input: CreateInput, surface: Surface, newStack: MakeStack | null) {
    const owner = requireScope(viewer, 'jobs:write')
    const spec = validate(createJobSpec, input)
    requireOneSchedule(input)
    const given = input.schedule ? schedules.parse(input.schedule) : null
    const { scheduleId } = input
    const trigger = triggerOf(given !== null || scheduleId !== undefined, spec.eventType ?? null)
    const artifact = input.artifactId ? await requireArtifact(owner, input.artifactId) : null
    const artifactId = artifact?.id ?? null
    const subject = { ownerId: owner.principalId, artifactId }
    const datasets = await parseDatasets(deps.datasets, subject, input.datasets ?? [])
    requireScopes(viewer, datasets)
    const { type = null, data = null } = spec
    const said: Work | MakeStack =
      type === null
        ? (newStack ?? (await parse(viewer, input, { ...subject, datasets: aliasesOf(datasets) })))
        : { steps: [firstStep(deps.actions, viewer, { type, data: data ?? {} })] }
    const defaults = defaultsOf(surface)
    const { name, description, notes, eventType, startOn, endOn, source, sourceId, tags } = spec
    const slug = surface === 'INFORMER' ? slugOfName(name ?? '') : null

    /** @throws ValidationError */
    function rowsOf({ at, shared, work, slug, checked }: Known): NewJob {
      const window = {
        anchor: at,
        startOn: startOn ?? null,
        endOn: endOn ?? null,
        dstGap: spec.dstGap ?? defaults.dstGap,
      }
      requireWindow(window)
      const recurrence = shared ? recurrenceOf(shared) : given
      const spread = spec.spread ?? defaults.spread
      requireSpread(spread, recurrence)
      const nextRunAt = recurrence && firstSlot(surface, recurrence, window, at)
      const enabled = (spec.enabled ?? true) && (nextRunAt !== null || !recurrence)
      const id = newId()
      const own =
        given && newSchedule(surface, owner.principalId, { recurrence: given, text: input.schedule?.every?.text })
      return {
        job: {
          ...{ id, surface, name: name || null, description: description || null, notes: notes || null, slug },
          ...{ type, data: type === null ? null : ((data ?? {}) as Prisma.JsonObject) },
          ...{ source: source ?? null, sourceId: sourceId ?? null },
          endOfLife: endOfLifeOf(surface, recurrence),
          timezone: timezoneOf(surface, recurrence, {
            ...{ given: spec.timezone, before: null, usual: schedules.defaultTimezone },
          }),
          ...{ ownerId: owner.principalId, createdById: owner.principalId, artifactId },
          scheduleId: own?.id ?? shared?.id ?? null,
          stackId: 'stack' in work ? work.stack.id : null,
          ...{ trigger, eventType: eventType ?? null, enabled },
          ...window,
          nextRunAt: enabled ? nextRunAt : null,
          ...{ overlap: null, concurrencyKey: null, concurrencyLimit: null },
          ...defaults,
          ...policiesOf(spec, defaults),
          retrySlotsOnly: retriesSlotsOnly(surface),
          spreadOffsetMs: spreadOffsetMs(id, spread),
        },
        schedule: own,
        steps: 'steps' in work ? work.steps : [],
        secret: seal.seal(newSigningSecret()),
        checked,
      }
    }

    return { ownerId: owner.principalId, scheduleId, artifact, datasets, said, tags: tags ?? [], slug, rowsOf }
  }

  type Plan = Awaited<ReturnType<typeof plan>>

  /** Null: it cannot be made so, or could not. */
  async function together({ ownerId, scheduleId, artifact, datasets, said, tags, slug, rowsOf }: Plan) {
    const isAlone = typeof said === 'function' || datasets.length > 0 || tags.length > 0
    if (isAlone || (artifact && artifact.ownerId !== ownerId)) return null
    const [at, shared] = await Promise.all([
      now(null),
      scheduleId === undefined ? null : prisma.schedule.findFirst({ where: { id: scheduleId, shared: true } }),
    ])
    if (scheduleId !== undefined && !shared) return null
    const checked = {
      ...(artifact && { artifactOwnerId: ownerId }),
      ...(shared && { scheduleVersion: shared.version }),
      ...('stack' in said && { stackVersion: said.stack.version }),
    }
    const rows = rowsOf({ at, shared, work: said, slug: slug && wantedSlug(slug), checked })
    const job = await insert(rows)
    return job && { job, schedule: rows.schedule ?? shared, steps: stored(rows.steps) }
  }

  const alone = ({ ownerId, scheduleId, artifact, datasets, said, tags, slug, rowsOf }: Plan): Promise<MadeJob> =>
    prisma.$transaction(async (tx) => {
      const sql = sqlIn(tx)
      if (artifact && !(await holdArtifact(tx, artifact.id))) throw noSuchArtifact()
      if (artifact && !(await mayHaveJobsOn(tx, artifact.id, ownerId))) throw notAnEditor()
      const work = typeof said === 'function' ? { stack: await said(tx) } : said
      const at = await databaseNow(sql)
      const shared = scheduleId === undefined ? null : await holdSchedule(tx, scheduleId)
      const free = slug && (await freeSlug(tx, ownerId, slug))
      const rows = rowsOf({ at, shared, work, slug: free, checked: {} })
      if ('stack' in work) await holdStack(tx, work.stack)
      const [job] = await insertJobs(sql, [rows]).catch(throwTaken)
      if (!job) throw new Error('a job was not made')
      if (tags.length > 0) await setTags(tx, job.id, tags)
      if (datasets.length > 0) await setDatasets(tx, job.id, datasets)
      return { job, schedule: rows.schedule ?? shared, steps: stored(rows.steps) }
    })

  async function make(
    viewer: Viewer,
    input: CreateInput,
    surface: Surface,
    newStack: MakeStack | null = null,
  ): Promise<MadeJob> {
    const planned = await plan(viewer, input, surface, newStack)
    return (await together(planned)) ?? alone(planned)
  }

  return {
    make,

    /** `newStack`: makes the stack whose steps are the job's, in the same transaction. */
    create: async (
      viewer: Viewer,
      input: CreateInput,
      surface: Surface = 'GRAPHQL',
      newStack: MakeStack | null = null,
    ): Promise<Job> => (await make(viewer, input, surface, newStack)).job,
  }
}

type Known = {
  /** By the database's clock. */
  at: Date
  shared: Schedule | null
  work: { steps: Step[] } | { stack: CheckedStack }
  slug: string | null
  checked: NewJob['checked']
}
