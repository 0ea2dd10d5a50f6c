/** Steps as clients give them, `{ webhook: { name: "call", url … } }`, and as they are stored. */
import type { Action, Prisma } from '../db/generated/prisma/client.ts'
import { requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { type Issue, ValidationError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import { flawOfJson } from '../kernel/storable.ts'
import { withoutGiven } from './given.ts'
import type { Subject } from './ports.ts'
import type { ActionRegistry } from './registry.ts'
import { stepName } from './spec.ts'

/** Kind → configuration and, beside its fields, the step's name; exactly one kind. */
export type ActionInput = Record<string, unknown>

/** Steps of a job or of a stack. */
export const STEPS_LIMIT = 50

export type Step = { id: string; position: number; kind: string; name: string; config: Prisma.InputJsonValue }

/**
 * Checked as far as can be known before a run. Templates may name the steps before their own.
 * @throws ValidationError with paths such as `actions.0.webhook.url`, ForbiddenError when the token could not do one itself
 */
export async function parseSteps(
  registry: ActionRegistry,
  viewer: Viewer,
  inputs: readonly ActionInput[],
  subject: Subject,
): Promise<Step[]> {
  if (inputs.length === 0) throw ValidationError.at('actions', 'must name at least one action')
  if (inputs.length > STEPS_LIMIT) throw ValidationError.at('actions', `must be at most ${STEPS_LIMIT}`)
  const given = inputs.map((input, position) => kindOf(input, `actions.${position}`))
  const names = namesOf(given)
  return allOrIssues(
    given.map(async (step, position) => {
      const config = await parseGiven(registry, viewer, step, subject, names.slice(0, position))
      return { id: newId(), position, kind: step.kind, name: names[position] ?? step.kind, config }
    }),
  )
}

/** What all of them come to, or everything that is wrong with any. */
async function allOrIssues<T>(parsing: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(parsing)
  const reasons = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
  const other = reasons.find((reason) => !(reason instanceof ValidationError))
  if (other) throw other
  if (reasons.length > 0) throw new ValidationError(reasons.flatMap(({ issues }: ValidationError) => issues))
  return settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
}

/**
 * One step by itself, behind steps of these names.
 * @throws ValidationError with paths such as `action.webhook.url`
 */
export async function parseStep(
  registry: ActionRegistry,
  viewer: Viewer,
  input: ActionInput,
  subject: Subject,
  before: readonly string[],
): Promise<Pick<Step, 'kind' | 'config'>> {
  const step = kindOf(input, 'action')
  return { kind: step.kind, config: await parseGiven(registry, viewer, step, subject, before) }
}

async function parseGiven(
  registry: ActionRegistry,
  viewer: Viewer,
  { kind, config, at }: Given,
  subject: Subject,
  steps: readonly string[],
) {
  const parsed = await registry.parse(kind, config, { subject, at, steps })
  requireStorable(parsed, at)
  for (const scope of registry.scopesOf(kind, parsed)) requireScope(viewer, scope)
  return parsed as Prisma.InputJsonValue
}

/**
 * What is wrong with steps that were parsed before, for a subject that they were not parsed for. Paths are such as
 * `actions.0.webhook.url`.
 */
export async function checkSteps(
  registry: ActionRegistry,
  steps: readonly { kind: string; name: string; config: unknown }[],
  subject: Subject,
): Promise<Issue[]> {
  const names = steps.map(({ name }) => name)
  const parsing = steps.map(({ kind, config }, position) =>
    registry.parse(kind, config, { subject, at: `actions.${position}.${kind}`, steps: names.slice(0, position) }),
  )
  try {
    await allOrIssues(parsing)
    return []
  } catch (error) {
    if (error instanceof ValidationError) return error.issues
    throw error
  }
}

/** Actions as they are stored: those who may read them and not change them see no secrets. */
export function withoutSecrets<Each extends Pick<Action, 'kind' | 'config'>>(
  registry: ActionRegistry,
  viewer: Viewer,
  actions: readonly Each[],
  mayChange: (action: Each) => boolean = () => true,
): Each[] {
  const mayWrite = viewer?.scopes.has('jobs:write')
  return actions.map((action) => ({
    ...action,
    config: (mayWrite && mayChange(action)
      ? withoutGiven(action.config)
      : registry.redact(action.kind, action.config)) as Action['config'],
  }))
}

type Given = { kind: string; config: unknown; name: string | null; at: string }

function kindOf(input: ActionInput, at: string): Given {
  const kinds = Object.entries(input).filter(([, config]) => config != null)
  const [first] = kinds
  if (!first || kinds.length !== 1) throw ValidationError.at(at, 'must have exactly one kind')
  const [kind, value] = first
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { kind, config: value, name: null, at: `${at}.${kind}` }
  }
  const { name = null, ...config } = value as Record<string, unknown>
  const parsed = stepName.nullable().safeParse(name)
  if (parsed.success) return { kind, config, name: parsed.data, at: `${at}.${kind}` }
  throw ValidationError.at(`${at}.${kind}.name`, parsed.error.issues[0]?.message ?? 'is not a name')
}

/** Those that are given, and for the others `webhook`, `webhook-2` … as far as they are free. */
function namesOf(given: readonly Given[]): string[] {
  const taken = new Set<string>()
  const issues: Issue[] = []
  for (const { name, at } of given) {
    if (name !== null && taken.has(name)) issues.push({ path: `${at}.name`, message: 'is the name of an earlier step' })
    if (name !== null) taken.add(name)
  }
  if (issues.length > 0) throw new ValidationError(issues)
  return given.map(({ kind, name }) => {
    if (name !== null) return name
    const free = freeName(kind, [...taken])
    taken.add(free)
    return free
  })
}

/** `webhook`, `webhook-2` … */
export function freeName(kind: string, taken: readonly string[]): string {
  let free = kind
  for (let count = 2; taken.includes(free); count++) free = `${kind}-${count}`
  return free
}

function requireStorable(config: unknown, at: string): void {
  const issues = Object.entries(config ?? {}).flatMap(([field, value]) => {
    const message = flawOfJson(value)
    return message ? [{ path: `${at}.${field}`, message }] : []
  })
  if (issues.length > 0) throw new ValidationError(issues)
}
