/**
 * Keeps the server of a living Runsheet running. Its end and that of the connection which guards DATA_DIR are one event:
 *
 *     guarded ──connection ends──▶ taken again (started anew on the same port, if it is gone) ──▶ guarded
 *                                        └── cannot be ──▶ again, with back-off
 */
import type pg from 'pg'
import type { Log } from '../kernel/log.ts'

/** A running server and the connection that holds the lock on its folder. */
export type Server = { pid: number; port: number; owner: pg.Client }

const FIRST_DELAY_MS = 100
const LONGEST_DELAY_MS = 5_000

export type Guard = {
  server(): Server
  /** Why it is not guarded at the moment, or null. */
  problem(): string | null
  /** Resolves when nothing is started any more. */
  stop(): Promise<void>
}

/** `take` starts or finds the server; it rejects when that does not work, and soon after the signal aborts. */
export function guardServer(first: Server, take: (signal: AbortSignal) => Promise<Server>, log: Log): Guard {
  const stopping = new AbortController()
  const { signal } = stopping
  let server = first
  let problem: string | null = null
  let taking: Promise<void> | undefined

  function watch() {
    server.owner.once('end', () => {
      if (signal.aborted) return
      problem = 'PostgreSQL is gone and is being started again'
      log.warn({ pid: server.pid }, 'lost the connection that guards DATA_DIR against a second Runsheet')
      taking = takeAgain()
    })
  }

  async function takeAgain() {
    for (let delay = FIRST_DELAY_MS; !signal.aborted; delay = Math.min(delay * 2, LONGEST_DELAY_MS)) {
      try {
        server = await take(signal)
        problem = null
        watch()
        return
      } catch (error) {
        if (signal.aborted) return
        problem = error instanceof Error ? error.message : String(error)
        log.error({ error: problem, delay }, 'PostgreSQL could not be started again')
        await pause(delay, signal)
      }
    }
  }

  watch()
  return {
    server: () => server,
    problem: () => problem,
    async stop() {
      stopping.abort()
      await taking
    },
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
  })
}
