/** What the runs of a job do: steps of its own, or those of a stack. */
import type { Subject } from '../actions/ports.ts'
import type { ActionRegistry } from '../actions/registry.ts'
import { type ActionInput, checkSteps, parseSteps, type Step } from '../actions/steps.ts'
import type { Prisma, Surface } from '../db/generated/prisma/client.ts'
import { requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { type Issue, ValidationError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import { type CheckedStack, checkStack, type FindSteps, holdStack } from '../stacks/use.ts'
import { actionOfInformer, type InformerStep } from './informer-step.ts'

/** `given`: the one action as clients of another API wrote it, who read it so again. */
export type WorkInput = {
  actions?: ActionInput[] | null | undefined
  stackId?: string | null | undefined
  given?: Given | undefined
}

export type Given = { [key: string]: Prisma.InputJsonValue }

export type Work = { steps: Step[] } | { stack: CheckedStack }

/** A stack of the owner of the new job that uses it, with steps that were checked for such a job. */
export type MakeStack = (tx: Prisma.TransactionClient) => Promise<CheckedStack>

/**
 * Either actions or a stack, checked for the job.
 * @throws ValidationError
 */
export const workParser =
  (deps: { findSteps: FindSteps; actions: ActionRegistry }) =>
  async (viewer: Viewer, { actions, stackId, given }: WorkInput, subject: Subject): Promise<Work> => {
    if (actions && stackId != null) throw ValidationError.at('stackId', 'cannot be combined with actions')
    if (stackId != null) return { stack: await checkStack(deps, viewer, stackId, subject) }
    if (!actions) throw ValidationError.at('actions', 'must be given, or a stackId in their place')
    const steps = await parseSteps(deps.actions, viewer, actions, subject)
    return { steps: given ? steps.map((step) => ({ ...step, config: withGiven(step.config, given) })) : steps }
  }

/**
 * What of steps that were checked before cannot work for this job, such as `actions.1.webhook.url: …`. The first one of
 * Informer is not checked, as ever.
 */
export async function flawsOfSteps(
  registry: ActionRegistry,
  surface: Surface,
  steps: readonly { kind: string; name: string; config: unknown }[],
  subject: Subject,
): Promise<Issue[]> {
  const issues = await checkSteps(registry, steps, subject)
  return surface === 'INFORMER' ? issues.filter(({ path }) => !/^actions\.0(\.|$)/.test(path)) : issues
}

/** A driver passes over what is no field of its configuration. */
const withGiven = (config: Prisma.InputJsonValue, given: Given) => ({ ...(config as Given), given })

/**
 * The first step of a job of Informer, as its clients say it. It is not checked: what it lacks shows when it runs.
 * @throws ForbiddenError when the token could not do the same itself
 */
export function firstStep(registry: ActionRegistry, viewer: Viewer, said: InformerStep): Step {
  const { kind, config } = actionOfInformer(said)
  for (const scope of registry.scopesOf(kind, config)) requireScope(viewer, scope)
  return { id: newId(), position: 0, kind, name: FIRST_STEP, config: config as Prisma.InputJsonObject }
}

/** No other step of a job is called so. */
const FIRST_STEP = 'job'

/** It keeps its name, by which those behind it may call it. The caller holds the job's row. */
export async function replaceFirstStep(
  tx: Prisma.TransactionClient,
  jobId: string,
  { kind, config }: Step,
): Promise<void> {
  await tx.action.updateMany({ where: { jobId, position: 0 }, data: { kind, config } })
}

/** Whether an update says anything of it; `current`: the stack of the job, without which there is none to clear. */
export const changesWork = ({ actions, stackId }: WorkInput, current: string | null): boolean =>
  actions !== undefined || (stackId === null ? current !== null : stackId !== undefined)

/** The part of a new job that says what it does. */
async function newWork(
  tx: Prisma.TransactionClient,
  work: Work,
): Promise<Pick<Prisma.JobCreateInput, 'stack' | 'actions'>> {
  if ('steps' in work) return { actions: { createMany: { data: work.steps } } }
  await holdStack(tx, work.stack)
  return { stack: { connect: { id: work.stack.id } } }
}

/** Puts other work in the place of what a job did. The caller holds the job's row. */
export async function replaceWork(
  tx: Prisma.TransactionClient,
  jobId: string,
  work: Work,
): Promise<Pick<Prisma.JobUpdateInput, 'stack' | 'actions'>> {
  await tx.action.deleteMany({ where: { jobId } })
  const fields = await newWork(tx, work)
  return 'steps' in work ? { ...fields, stack: { disconnect: true } } : fields
}
