/** Actions as clients give them, `{ webhook: { url … } }`, and as they are stored. */
import type { ActionRegistry } from '../actions/registry.ts'
import type { Prisma } from '../db/generated/prisma/client.ts'
import { ValidationError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import { flawOfJson } from '../kernel/storable.ts'
import { ACTIONS_LIMIT } from './spec.ts'

/** Kind → configuration; exactly one kind. */
export type ActionInput = Record<string, unknown>

/** @throws ValidationError with paths such as `actions.0.webhook.url` */
export function parseActions(registry: ActionRegistry, inputs: ActionInput[]) {
  if (inputs.length === 0) throw ValidationError.at('actions', 'must name at least one action')
  if (inputs.length > ACTIONS_LIMIT) throw ValidationError.at('actions', `must be at most ${ACTIONS_LIMIT}`)
  return inputs.map((input, position) => {
    const given = Object.entries(input).filter(([, config]) => config != null)
    const [first] = given
    if (!first || given.length !== 1) throw ValidationError.at(`actions.${position}`, 'must have exactly one kind')
    const [kind, config] = first
    const parsed = registry.parse(kind, config, `actions.${position}.${kind}`)
    requireStorable(parsed, `actions.${position}.${kind}`)
    return {
      id: newId(),
      position,
      kind,
      name: nameOf(kind, inputs, position),
      config: parsed as Prisma.InputJsonValue,
    }
  })
}

function requireStorable(config: unknown, at: string): void {
  const issues = Object.entries(config ?? {}).flatMap(([field, value]) => {
    const message = flawOfJson(value)
    return message ? [{ path: `${at}.${field}`, message }] : []
  })
  if (issues.length > 0) throw new ValidationError(issues)
}

/** `webhook`, and `webhook-2` for the second of a kind. */
function nameOf(kind: string, inputs: ActionInput[], position: number): string {
  const earlier = inputs.slice(0, position).filter((input) => input[kind] != null).length
  return earlier === 0 ? kind : `${kind}-${earlier + 1}`
}
