/** What PostgreSQL can keep as it was given: no text with a NUL or half a surrogate pair, no JSON without an end. */
import { z } from 'zod'

/** Arrays and objects inside of each other. */
export const JSON_DEPTH_LIMIT = 100

/** What is wrong with a text, or null. */
export function flawOfText(text: string): string | null {
  if (text.includes('\0')) return 'must not hold a NUL character'
  return text.isWellFormed() ? null : 'must not hold half a surrogate pair'
}

/** The text as it can be kept: what cannot is replaced by U+FFFD. */
export const storableText = (text: string): string => text.toWellFormed().replaceAll('\0', '\ufffd')

/** What is wrong with a JSON value, or null. Without recursion, so that no depth is too deep to be refused. */
export function flawOfJson(value: unknown): string | null {
  let level = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > JSON_DEPTH_LIMIT) return `must not be nested more than ${JSON_DEPTH_LIMIT} deep`
    for (const each of level) {
      const flaw = flawOfLeaf(each)
      if (flaw) return flaw
    }
    level = level.flatMap(childrenOf)
  }
  return null
}

function flawOfLeaf(value: unknown): string | null {
  if (typeof value === 'string') return flawOfText(value)
  // 1e999 is a number in JSON, and infinite in JavaScript: it would be kept as null.
  return typeof value === 'number' && !Number.isFinite(value) ? 'must not hold a number beyond ±1.8e308' : null
}

function childrenOf(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return []
  return Array.isArray(value) ? value : Object.entries(value).flat()
}

/** A text of at most so many characters that can be kept. */
export const text = (limit: number) =>
  z
    .string()
    .max(limit, `must have at most ${limit} characters`)
    .superRefine((value, context) => {
      const flaw = flawOfText(value)
      if (flaw) context.addIssue(flaw)
    })
