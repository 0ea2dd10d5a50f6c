/**
 * What clients of another API said of an action, kept in its configuration: a driver passes over it. `words`: what they
 * call fields that have other names here. Pure.
 */
import type { Issue } from '../kernel/errors.ts'

type Config = Record<string, unknown>

/** As it was said, for those who said it. */
export const givenOf = (config: unknown): Config | null => {
  const { given } = (config ?? {}) as Config
  return typeof given === 'object' && given !== null && !Array.isArray(given) ? (given as Config) : null
}

export const withoutGiven = (config: unknown): Config =>
  Object.fromEntries(Object.entries(config ?? {}).filter(([key]) => key !== 'given'))

/** By the fields of a configuration what those who gave it call them; null: they gave it as it is. */
export const wordsOf = (config: unknown): Record<string, string> | null =>
  (givenOf(config)?.words as Record<string, string> | undefined) ?? null

/** What is wrong with a configuration, in the words of those who gave it: `recipients.0` → `data.to.0`. */
export function inWordsOf(config: unknown, issues: readonly Issue[]): Issue[] {
  const words = wordsOf(config)
  if (!words) return [...issues]
  return issues.map(({ path, message }) => {
    const known = Object.keys(words)
      .filter((each) => path === each || path.startsWith(`${each}.`))
      .sort((one, other) => other.length - one.length)[0]
    const said = known === undefined ? path : words[known] + path.slice(known.length)
    return { path: `data.${said}`, message: /received undefined$/.test(message) ? 'must be given' : message }
  })
}
