/**
 * The actions of an Informer job behind its first step: `type` and `data` ↔ actions as they are stored. Pure. The types are
 * those of jobs, and the kinds of actions by their own names; texts hold templates, so that one can use what those before
 * it left.
 */
import { informerConfig } from './informer-step.ts'

type Config = Record<string, unknown>

export type TypedAction = { type: string; data: Config }

/** Path of a configuration → what its client calls it. */
type Words = Record<string, string>

/** Null: nothing does the type. */
export function configOfAction(
  { type, data }: TypedAction,
  kinds: readonly string[],
): { kind: string; config: Config; words: Words } | null {
  const said = informerConfig(type, data)
  if (!kinds.includes(type)) return said
  // A kind by its own name takes all of its fields, and of a mail those of Informer beside them.
  return type === 'email' && said
    ? { kind: type, config: { ...without(data, ['to', 'body']), ...said.config }, words: said.words }
    : { kind: type, config: data, words: {} }
}

const without = (config: Config, keys: readonly string[]): Config =>
  Object.fromEntries(Object.entries(config).filter(([key]) => !keys.includes(key)))
