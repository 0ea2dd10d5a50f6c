/** Whether the process lives, and whether it can be given work. */
export type Health = {
  /** Why it cannot, or null. */
  problem(): Promise<string | null>
}

export function createHealth({
  engineProblem,
  ping,
}: {
  engineProblem: () => string | null
  ping: () => Promise<void>
}) {
  let draining = false
  return {
    /** From now on it is not ready. */
    drain() {
      draining = true
    },
    async problem(): Promise<string | null> {
      if (draining) return 'the node is stopping'
      try {
        await ping()
      } catch (error) {
        return `database: ${error instanceof Error ? error.message : String(error)}`
      }
      return engineProblem()
    },
  }
}
