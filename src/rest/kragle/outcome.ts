/** How a run ended, for those who waited for it. Pure. */
import type { Run } from '../../db/generated/prisma/client.ts'

/** Null: it did what it was to do. `toStrangers`: what a message may tell of the inside is left out. */
export function failureOf(
  { status, error, skipReason }: Run,
  { toStrangers }: { toStrangers: boolean },
): string | null {
  if (status === 'SUCCEEDED') return null
  const { code, message, step } = (error ?? {}) as { code?: string; message?: string; step?: string }
  if (code === undefined) return `the run was ${status.toLowerCase()}${skipReason ? ` (${skipReason})` : ''}`
  if (toStrangers) return `the run failed (${code})`
  return step === undefined ? `${message}` : `${step}: ${message}`
}
