import { isUnreachable } from '../db/errors.ts'
import type { Clock } from '../kernel/clock.ts'

/** Until PostgreSQL is asked again when it could not be reached. */
const RETRY_MS = 250

/** Reads as soon as PostgreSQL answers; null when whoever wanted it has left by then. */
export async function patiently<Result>(
  clock: Clock,
  isWanted: () => boolean,
  read: () => Promise<Result>,
): Promise<Result | null> {
  while (isWanted()) {
    try {
      return await read()
    } catch (error) {
      if (!isUnreachable(error)) throw error
      await new Promise<void>((resolve) => {
        clock.after(RETRY_MS, resolve)
      })
    }
  }
  return null
}
