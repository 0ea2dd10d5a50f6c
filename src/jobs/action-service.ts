/**
 * The actions of an Informer job behind its first step, one by one. A change of them is one of the job: under its row
 * lock, and a version more.
 */
import { givenOf, inWordsOf, withoutGiven } from '../actions/given.ts'
import type { Subject } from '../actions/ports.ts'
import type { ActionRegistry } from '../actions/registry.ts'
import { stepName } from '../actions/spec.ts'
import { checkSteps, freeName, parseStep, STEPS_LIMIT } from '../actions/steps.ts'
import type { Action, Job, Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ConflictError, NotFoundError, ValidationError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import { validate } from '../kernel/validate.ts'
import { changeJob } from './change.ts'
import { aliasesOf } from './datasets.ts'
import type { JobEditing } from './edit.ts'
import { configOfAction } from './informer-action.ts'
import { informerStepOf } from './informer-step.ts'
import { type JobRights, LEVEL } from './rights.ts'
import { actionDataSpec } from './spec.ts'

type Config = Record<string, unknown>

/** `index`: its place behind the first step, from 0. */
export type JobAction = { id: string; type: string; name: string; index: number; data: Config }

/** Absent: as it is or, of a new one, behind all others and called by its kind. */
export type JobActionInput = {
  type?: string | undefined
  data?: unknown
  name?: string | null | undefined
  index?: number | null | undefined
}

/** `number`: of a step that is there already. */
type Row = { id: string; number?: number; kind: string; name: string; config: unknown }

/** Changes that meet each other are done one after the other, up to so many. */
const TRIES = 20

const noSuchAction = () => new NotFoundError('the job has no such action')

export function createJobActions(deps: {
  prisma: PrismaClient
  actions: ActionRegistry
  rights: JobRights
  editing: JobEditing
}) {
  const { prisma, actions: registry, rights } = deps
  const { requireJob, requireTrust } = deps.editing

  /** `edit`: of the steps that the job has, those that it is to have; the first stays what it is. */
  async function change(
    viewer: Viewer,
    jobId: string,
    edit: (steps: Action[], subject: Subject) => Promise<Row[]>,
  ): Promise<void> {
    for (let tries = 1; ; tries++) {
      const job = await requireJob(viewer, jobId)
      const ownerId = await requireTrust(viewer, job)
      const [steps, datasets] = await Promise.all([
        prisma.action.findMany({ where: { jobId }, orderBy: { position: 'asc' } }),
        prisma.jobDataset.findMany({ where: { jobId } }),
      ])
      const subject = { ownerId, artifactId: job.artifactId, datasets: aliasesOf(datasets) }
      const edited = await edit(steps, subject)
      if (edited.length > STEPS_LIMIT) throw ValidationError.at('', `a job has at most ${STEPS_LIMIT} steps`)
      await requireWorking(steps, edited, subject)
      try {
        await changeJob(prisma, jobId, (tx) => replace(tx, jobId, edited), job.version)
        return
      } catch (error) {
        if (!(error instanceof ConflictError) || error.code !== 'VERSION' || tries === TRIES) throw error
      }
    }
  }

  /** @throws ConflictError when a step asks for one that is not before it any more */
  async function requireWorking(before: readonly Row[], after: readonly Row[], subject: Subject): Promise<void> {
    const flaws = async (steps: readonly Row[]) => {
      const issues = await checkSteps(registry, steps, subject)
      return issues.map(({ path, message }) => {
        const [, position = '0', field = ''] = path.split('.')
        const { id = '', name = '' } = steps[Number(position)] ?? {}
        return { key: [id, field, message].join(), text: `${name}: ${message}`, isFirst: position === '0' }
      })
    }
    const known = new Set((await flaws(before)).map(({ key }) => key))
    const broken = (await flaws(after)).find(({ key, isFirst }) => !isFirst && !known.has(key))
    if (broken) throw new ConflictError(`an action would not work any more: ${broken.text}`, 'IN_USE')
  }

  async function parse(
    viewer: Viewer,
    { type = '', data }: JobActionInput,
    subject: Subject,
    before: readonly string[],
  ): Promise<Pick<Row, 'kind' | 'config'>> {
    const given = { type, data: validate(actionDataSpec, { data }).data }
    const said = configOfAction(given, registry.kinds)
    if (!said) throw ValidationError.at('type', `there is no action ${JSON.stringify(type)}`)
    const { kind, words } = said
    try {
      const { config } = await parseStep(registry, viewer, { [kind]: said.config }, subject, before)
      return { kind, config: { ...(config as Config), given: { ...given, words } } }
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error
      const issues = error.issues.map((issue) => ({ ...issue, path: issue.path.slice(`action.${kind}.`.length) }))
      throw new ValidationError(inWordsOf({ given: { words } }, issues))
    }
  }

  function shown({ id, position, kind, name, config }: Action, mayChange: boolean): JobAction {
    const given = givenOf(config)
    const type = typeof given?.type === 'string' ? given.type : kind
    const common = { id, type, name, index: position - 1 }
    if (mayChange) return { ...common, data: (given?.data as Config | undefined) ?? withoutGiven(config) }
    const redacted = registry.redact(kind, config) as Config
    const isOurs = registry.kinds.includes(type)
    return { ...common, data: isOurs ? redacted : (informerStepOf({ kind, config: redacted })?.data ?? {}) }
  }

  async function actionsOf(viewer: Viewer, jobs: readonly Job[]): Promise<JobAction[][]> {
    const [access, found] = await Promise.all([
      rights.accessTo(viewer, jobs),
      prisma.action.findMany({
        where: { jobId: { in: jobs.map(({ id }) => id) }, position: { gt: 0 } },
        orderBy: { position: 'asc' },
      }),
    ])
    const mayWrite = viewer?.scopes.has('jobs:write') ?? false
    return jobs.map((job, index) => {
      const mayChange = mayWrite && (access[index]?.level ?? LEVEL.NONE) >= LEVEL.EDIT
      return found.filter(({ jobId }) => jobId === job.id).map((action) => shown(action, mayChange))
    })
  }

  /** One action as its job's editors see it. */
  async function read(jobId: string, id: string): Promise<JobAction> {
    const action = await prisma.action.findFirst({ where: { jobId, id, position: { gt: 0 } } })
    if (!action) throw noSuchAction()
    return shown(action, true)
  }

  return {
    /** In the order of the jobs, which the viewer may read; secrets are for those who may change the job. */
    informerActionsOf: actionsOf,

    /** @throws ValidationError with paths such as `data.url`; ConflictError IN_USE */
    async addAction(viewer: Viewer, jobId: string, input: JobActionInput): Promise<JobAction> {
      const id = newId()
      await change(viewer, jobId, async (steps, subject) => {
        const names = steps.map(({ name }) => name)
        const position = placeOf(input.index, steps.length)
        const step = await parse(viewer, input, subject, names.slice(0, position))
        return steps.toSpliced(position, 0, {
          id,
          name: nameOf(input.name, names) ?? freeName(step.kind, names),
          ...step,
        } as Action)
      })
      return read(jobId, id)
    },

    /** The same throws as of a new one. */
    async setAction(viewer: Viewer, jobId: string, id: string, input: JobActionInput): Promise<JobAction> {
      await change(viewer, jobId, async (steps, subject) => {
        const old = steps.find((step) => step.id === id && step.position > 0)
        if (!old) throw noSuchAction()
        const others = steps.filter((step) => step !== old)
        const names = others.map(({ name }) => name)
        const position = placeOf(input.index ?? old.position - 1, others.length)
        const known = shown(old, true)
        const isOther = input.type !== undefined && input.type !== known.type
        if (isOther && input.data === undefined) throw ValidationError.at('data', 'must be given with another type')
        const isSaid = isOther || input.data !== undefined
        const said = isSaid
          ? await parse(viewer, { type: known.type, ...input }, subject, names.slice(0, position))
          : { kind: old.kind, config: old.config }
        const name = nameOf(input.name, names) ?? old.name
        return others.toSpliced(position, 0, { id, number: old.number, name, ...said } as Action)
      })
      return read(jobId, id)
    },

    async removeAction(viewer: Viewer, jobId: string, id: string): Promise<void> {
      await change(viewer, jobId, async (steps) => {
        const kept = steps.filter((step) => step.id !== id || step.position === 0)
        if (kept.length === steps.length) throw noSuchAction()
        return kept
      })
    },
  }
}

/** Its position among the steps, of which there are `count` others. */
function placeOf(index: number | null | undefined, count: number): number {
  if (index == null) return count
  if (index < 0 || index > count - 1) throw ValidationError.at('index', `must be from 0 to ${count - 1}`)
  return index + 1
}

function nameOf(given: string | null | undefined, taken: readonly string[]): string | null {
  if (given == null) return null
  const parsed = stepName.safeParse(given)
  if (!parsed.success) throw ValidationError.at('name', parsed.error.issues[0]?.message ?? 'is not a name')
  if (taken.includes(given)) throw ValidationError.at('name', 'is the name of another step')
  return given
}

/** Puts these in the place of all steps but the first. */
async function replace(tx: Prisma.TransactionClient, jobId: string, steps: readonly Row[]): Promise<object> {
  await tx.action.deleteMany({ where: { jobId, position: { gt: 0 } } })
  await tx.action.createMany({
    data: steps.slice(1).map(({ id, number, kind, name, config }, index) => ({
      ...{ id, jobId, position: index + 1, kind, name, config: config as Prisma.InputJsonObject },
      ...(number !== undefined && { number }),
    })),
  })
  return {}
}
