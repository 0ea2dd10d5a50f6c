/** A new job as a viewer asks for it, checked against what it refers to. */
import type { DatasetPort, Subject } from '../actions/ports.ts'
import type { ActionRegistry } from '../actions/registry.ts'
import { newSigningSecret } from '../actions/signature.ts'
import type { Step } from '../actions/steps.ts'
import { noSuchArtifact } from '../artifacts/rights.ts'
import type { Prisma, Surface } from '../db/generated/prisma/client.ts'
import { mayEditArtifact, mayReadArtifact, requireScope } from '../identity/permissions.ts'
import type { SignedIn, Viewer } from '../identity/viewer.ts'
import { ForbiddenError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import type { Seal } from '../kernel/seal.ts'
import { validate } from '../kernel/validate.ts'
import type { ScheduleService } from '../schedules/service.ts'
import { requireWindow } from '../schedules/spec.ts'
import { spreadOffsetMs } from '../schedules/spread.ts'
import { recurrenceOf, type StoredSchedule } from '../schedules/stored.ts'
import type { CheckedStack } from '../stacks/use.ts'
import { firstSlot, requireSpread } from './change.ts'
import { aliasesOf, parseDatasets, requireScopes } from './datasets.ts'
import { newSchedule, type Parts, requireOneSchedule, triggerOf } from './edit.ts'
import type { NewJob } from './insert.ts'
import type { Refer, References, Wanted } from './references.ts'
import { slugOfName } from './slug.ts'
import { type CreateJobInput, createJobSpec, policiesOf } from './spec.ts'
import { defaultsOf, endOfLifeOf, retriesSlotsOnly, timezoneOf } from './surface.ts'
import { firstStep, type MakeStack, type Work, type WorkInput, workParser } from './work.ts'

export type CreateInput = CreateJobInput & Parts & { artifactId?: string | null | undefined }

export type MakeOptions = {
  /** Makes the stack whose steps are the job's, in the same transaction. */
  newStack?: MakeStack | null
  /** What the job refers to, as it was looked at just now; null: that is still to be done. */
  known?: References | null
}

type Known = {
  /** By the database's clock. */
  at: Date
  shared: (StoredSchedule & { id: string }) | null
  work: { steps: Step[] } | { stack: CheckedStack }
  slug: string | null
  checked: NewJob['checked']
}

export const notAnEditor = () => new ForbiddenError('only the owner and the editors of an artifact may put jobs on it')

export type NewJobDeps = {
  schedules: ScheduleService
  actions: ActionRegistry
  datasets: DatasetPort
  seal: Seal
}

export type NewJobPlan = Awaited<ReturnType<ReturnType<typeof createNewJobs>>>

/** Answers what checks a new job that a viewer asks for; `rowsOf` of its answer is for when all is known that there is. */
export function createNewJobs({ schedules, actions, datasets: port, seal, refer }: NewJobDeps & { refer: Refer }) {
  const parseWork = (viewer: Viewer, input: WorkInput, subject: Subject, { stack }: References) =>
    workParser({ actions, findSteps: async (id) => (stack?.id === id ? stack : null) })(viewer, input, subject)

  /** `known`: what the job refers to, as it was looked at just now. */
  return async function plan(
    viewer: Viewer,
    input: CreateInput,
    surface: Surface,
    { newStack = null, known = null }: MakeOptions,
  ) {
    const owner = requireScope(viewer, 'jobs:write')
    const spec = validate(createJobSpec, input)
    requireOneSchedule(input)
    const given = input.schedule ? schedules.parse(input.schedule) : null
    const { scheduleId } = input
    const trigger = triggerOf(given !== null || scheduleId !== undefined, spec.eventType ?? null)
    const references = known ?? (await refer(wantedOf(input)))
    const artifact = input.artifactId ? requireArtifact(owner, references.artifact) : null
    const artifactId = artifact?.id ?? null
    const subject = { ownerId: owner.principalId, artifactId }
    const datasets = await parseDatasets(port, subject, input.datasets ?? [])
    requireScopes(viewer, datasets)
    const { type = null, data = null } = spec
    const said: Work | MakeStack =
      type === null
        ? (newStack ?? (await parseWork(viewer, input, { ...subject, datasets: aliasesOf(datasets) }, references)))
        : { steps: [firstStep(actions, viewer, { type, data: data ?? {} })] }
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

    const { schedule: shared } = references
    return {
      ...{ ownerId: owner.principalId, scheduleId, artifact, datasets, said, tags: tags ?? [], slug, rowsOf },
      ...{ at: references.at, shared: shared?.id === scheduleId ? shared : null },
    }
  }
}

const wantedOf = ({ artifactId, scheduleId, stackId }: CreateInput): Wanted => ({
  artifactId: artifactId || null,
  schedule: scheduleId === undefined ? null : { id: scheduleId },
  stack: stackId == null ? null : { id: stackId },
})

/** The artifact that a job is put on: one that the viewer may change. */
function requireArtifact(viewer: SignedIn, artifact: References['artifact']) {
  if (!artifact || !mayReadArtifact(viewer, artifact)) throw noSuchArtifact()
  if (!mayEditArtifact(viewer, artifact)) throw notAnEditor()
  return artifact
}
