/**
 * What somebody looks for → a query of PostgreSQL's full-text search: every word must be there, as the beginning of one
 * of the job's. What splits words is no part of them on either side; the same signs are in the migration that made
 * `job_words`. Pure.
 */
const BETWEEN_WORDS =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they split words as spaces do
  /[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a1\u00a7\u00ab\u00b6\u00b7\u00bb\u00bf\u2000-\u206f\u3000-\u3003\u3008-\u3011]+/

/** `dail rep` → `'dail':* & 'rep':*`; null for nothing but spaces: nothing is looked for. */
export function searchOf(given: string | null | undefined): string | null {
  if (!given?.trim()) return null
  const words = given.split(BETWEEN_WORDS).filter((word) => word !== '')
  return words.map((word) => `'${word}':*`).join(' & ')
}
