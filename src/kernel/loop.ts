/**
 * Work that is done again and again: when somebody wakes it, and when its time comes. A wake-up during the work makes it
 * run once more. On an error it starts over with back-off; nothing that it keeps in the database is lost by that.
 */
import type { Clock } from './clock.ts'
import type { Log } from './log.ts'

export type Loop = {
  wake(): void
  /** Resolves when the work that is under way has ended; nothing starts after. */
  stop(): Promise<void>
}

const FIRST_DELAY_MS = 100
const LONGEST_DELAY_MS = 5_000

/** `work` answers in how many milliseconds it wants to look again; null: only when woken. */
export function createLoop(options: {
  name: string
  clock: Clock
  log: Log
  work: () => Promise<number | null>
  /** Called after an error, with what it was; and with null once the work succeeds again. */
  onHealth?: (error: unknown) => void
}): Loop {
  const { name, clock, log, work, onHealth } = options
  let running: Promise<void> | undefined
  let again = false
  let stopped = false
  let cancel: (() => void) | undefined
  let failures = 0

  async function run() {
    do {
      again = false
      const delay = await attempt()
      if (delay === 0) again = true
      else if (delay !== null && !stopped) {
        cancel?.()
        cancel = clock.after(delay, wake)
      }
    } while (again && !stopped)
  }

  async function attempt(): Promise<number | null> {
    try {
      const delay = await work()
      if (failures > 0) onHealth?.(null)
      failures = 0
      return delay
    } catch (error) {
      if (stopped) return null
      failures++
      onHealth?.(error)
      const delay = Math.min(FIRST_DELAY_MS * 2 ** (failures - 1), LONGEST_DELAY_MS)
      log.warn({ loop: name, error: error instanceof Error ? error.message : String(error), delay }, 'trying again')
      again = false
      return delay
    }
  }

  function wake() {
    if (stopped) return
    cancel?.()
    cancel = undefined
    again = true
    running ??= run().finally(() => {
      running = undefined
      if (again) wake()
    })
  }

  return {
    wake,
    async stop() {
      stopped = true
      cancel?.()
      await running
    },
  }
}
