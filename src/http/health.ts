/** Whether the process lives, and whether it can be given work. */
import { setTimeout as sleep } from 'node:timers/promises'

export type Health = {
  /** Why it cannot, or null. */
  problem(): Promise<string | null>
}

/** A database that does not answer for so long is as good as away. */
const PATIENCE_MS = 5_000

export function createHealth({
  engineProblem,
  ping,
  serverProblem = () => null,
  patienceMs = PATIENCE_MS,
}: {
  engineProblem: () => string | null
  ping: () => Promise<void>
  /** What is known of a database that does not answer. */
  serverProblem?: () => string | null
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
      const away = await Promise.race([answer, silent])
      return away === null ? engineProblem() : (named(serverProblem()) ?? away)
    },
  }
}

const named = (problem: string | null) => problem && `database: ${problem}`

/** The answer to a probe: status and body. Null: the path is none. */
export async function answerProbe(health: Health, pathname: string): Promise<[number, object] | null> {
  if (pathname === '/health/live') return [200, { status: 'ok' }]
  if (pathname !== '/health/ready') return null
  const problem = await health.problem()
  return problem === null ? [200, { status: 'ok' }] : [503, { status: 'unavailable', reason: problem }]
}
