/**
 * The documents that an operator's own clients send, by their hashes, as code generators write them into a file: an object
 * of hash → document.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

export type TrustedDocuments = {
  /** Its text; `hash`: a key of the file, or the SHA-256 of the text; `sha256:` may stand before it. */
  byHash(hash: string): string | undefined
  /** Whether the text is one of them. */
  isOne(text: string): boolean
}

/** @throws Error with one line that says what is wrong with which file */
export function readTrustedDocuments(files: readonly string[]): TrustedDocuments | null {
  if (files.length === 0) return null
  const texts = new Map<string, string>()
  for (const file of files) {
    for (const [hash, text] of entriesOf(file)) {
      texts.set(hash, text)
      texts.set(sha256(text), text)
    }
  }
  const known = new Set(texts.values())
  return { byHash: (hash) => texts.get(hash.replace(/^sha(1|256):/, '')), isOne: (text) => known.has(text) }
}

function entriesOf(file: string): [string, string][] {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new Error(`${file} cannot be read as JSON: ${(error as Error).message.split('\n')[0]}`)
  }
  const isObject = typeof content === 'object' && content !== null && !Array.isArray(content)
  const entries = isObject ? Object.entries(content as object) : []
  if (entries.length === 0 || !entries.every(([, text]) => typeof text === 'string')) {
    throw new Error(`${file} is not an object of hash and document`)
  }
  return entries
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
