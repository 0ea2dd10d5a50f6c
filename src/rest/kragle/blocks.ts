/**
 * Blocks of a stack, `[type, conversion, {name?, state?}]`, and steps: a type is a kind of action, a conversion its
 * configuration. Code 22 says of a block that it is none, 23 that its conversion is not one of its type.
 */
import { z } from '@hono/zod-openapi'
import { actionKinds } from '../../actions/registry.ts'
import { stepName } from '../../actions/spec.ts'
import type { ActionInput } from '../../actions/steps.ts'
import type { Given } from '../../jobs/work.ts'
import { type Issue, ValidationError } from '../../kernel/errors.ts'
import { flawOfJson, text } from '../../kernel/storable.ts'
import type { Block } from '../../stacks/numbered.ts'
import { CODE, KragleError } from './fault.ts'

const NAME_LIMIT = 200

const object = z.record(z.string(), z.unknown())

const blockSpec = z.tuple([
  z.string(),
  object.nullable(),
  z
    .strictObject({
      name: text(NAME_LIMIT).nullish(),
      state: z
        .unknown()
        .superRefine((state, context) => {
          const flaw = flawOfJson(state)
          if (flaw) context.addIssue(flaw)
        })
        .optional(),
    })
    .nullish(),
])

const DOCUMENTED = {
  type: 'array',
  description: '`[type, conversion, {name?, state?}]`: a kind of action, and its settings.',
  example: ['webhook', { url: 'https://example.com/hook' }, { name: 'tell' }],
} as const

export const blockSchema = z.array(z.unknown()).openapi(DOCUMENTED)

/** As clients say it: what is wrong with it has a code of its own, so it is looked at later. */
export const saidBlockSchema = z.unknown().openapi(DOCUMENTED)

/** For those who may change the stack the last has what was said of the block; for others it is empty. */
export const blockView = ({ kind, config, given }: Block): unknown[] => [kind, config, given?.[KEPT] ?? {}]

/** Where what was said of a block is kept in the configuration of its action. */
const KEPT = 'block'

/** @throws KragleError 22, and 23 for a field that the type does not have */
export function stepsOf(blocks: readonly unknown[]): { actions: ActionInput[]; given: Given[] } {
  if (blocks.length === 0) throw badBlock('blocks: must be at least one')
  const parsed = blocks.map((block, index) => parsedBlock(block, `blocks.${index}`))
  const taken = new Set<string>()
  const actions = parsed.map(([kind, conversion, said]) => {
    const name = said?.name ?? ''
    // What is no name of a step, or the name of an earlier one, is for people only.
    const isStepName = stepName.safeParse(name).success && !taken.has(name)
    if (isStepName) taken.add(name)
    return { [kind]: { ...conversion, ...(isStepName && { name }) } }
  })
  return { actions, given: parsed.map(([, , said]) => ({ [KEPT]: (said ?? {}) as Given })) }
}

function parsedBlock(block: unknown, at: string): z.output<typeof blockSpec> {
  // Without the last a block is one, too.
  const whole = Array.isArray(block) && block.length === 2 ? [...block, null] : block
  const parsed = blockSpec.safeParse(whole)
  if (!parsed.success)
    throw badBlock(
      messageOf(
        parsed.error.issues.map((issue) => ({ ...issue, path: issue.path.join('.') })),
        at,
      ),
    )
  const [kind, conversion] = parsed.data
  const known = actionKinds.find((each) => each.kind === kind)
  if (!known) throw badBlock(`${at}: the types are ${actionKinds.map((each) => each.kind).join(', ')}`)
  const strange = Object.keys(conversion ?? {}).find((key) => !Object.hasOwn(known.config.shape, key))
  if (strange === undefined) return parsed.data
  throw badConversion(`${at}: a ${kind} has no ${JSON.stringify(strange.slice(0, 100))}`)
}

const messageOf = (issues: readonly Issue[], at: string) =>
  issues.map(({ path, message }) => `${[at, path].filter(Boolean).join('.')}: ${message}`).join('; ')

const badBlock = (message: string) => new KragleError(CODE.BAD_BLOCK, message)
const badConversion = (message: string) => new KragleError(CODE.BAD_BLOCK_CONFIG, message)

/** What is wrong with the steps of a stack, in terms of its blocks: `actions.0.webhook.url` → `blocks.0.url`. */
export function inTermsOfBlocks(error: unknown): unknown {
  if (!(error instanceof ValidationError)) return error
  const ofSteps = error.issues.filter(({ path }) => /^actions(\.|$)/.test(path))
  if (ofSteps.length === 0) return error
  const said = ofSteps.map(({ path, message }) => ({
    path: path.replace(/^actions(\.\d+)?(\.\w+)?/, '$1').slice(1),
    message,
  }))
  const message = messageOf(said, 'blocks')
  return ofSteps.every(({ path }) => path === 'actions') ? badBlock(message) : badConversion(message)
}
