import { setTimeout as sleep } from 'node:timers/promises'

/** Whether the process lives, and whether it can be given work. */
export type Health = {
  /** Why it cannot, or null. */
  problem(): Promise<string | null>
}

/** A database that does not answer for so long is as good as away. */
const PATIENCE_MS = 5_000

export function createHealth({
  engineProblem,
  ping,
  patienceMs = PATIENCE_MS,
}: {
  engineProblem: () => string | null
  ping: () => Promise<void>
  patienceMs?: number
}) {
  let draining = false
  return {
    /** From now on it is not ready. */
    drain() {
      draining = true
    },
    async problem(): Promise<string | null> {
      if (draining) return 'the node is stopping'
      const silent = sleep(patienceMs, 'database: no answer', { ref: false })
      const answer = ping().then(
        () => null,
        // Several addresses that refuse are one error without a text.
        (error) => `database: ${error.message || error.code}`,
      )
      return (await Promise.race([answer, silent])) ?? engineProblem()
    },
  }
}
