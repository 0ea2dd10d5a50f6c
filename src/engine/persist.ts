/** Writes that must not be lost to a passing fault: a deadlock that PostgreSQL solved, or a server that restarts. */
import { isDeadlock, isUnreachable } from '../db/errors.ts'
import type { Clock } from '../kernel/clock.ts'

const FIRST_DELAY_MS = 50
const LONGEST_DELAY_MS = 2_000
/** Much longer than a lease: by then the run has been taken over, and the write would be refused. */
const GIVE_UP_MS = 60_000

/** A fault that says nothing about what was to be written. */
export const isPassing = (error: unknown): boolean => isDeadlock(error) || isUnreachable(error)

/** Tries until it works or it is clear that it will not. The statement must be safe to send twice: its fence says so. */
export async function persist<Result>(write: () => Promise<Result>, clock: Clock): Promise<Result> {
  const giveUp = clock.now() + GIVE_UP_MS
  for (let delay = FIRST_DELAY_MS; ; delay = Math.min(delay * 2, LONGEST_DELAY_MS)) {
    try {
      return await write()
    } catch (error) {
      if (!isPassing(error) || clock.now() > giveUp) throw error
      await new Promise<void>((resolve) => {
        clock.after(delay, resolve)
      })
    }
  }
}
