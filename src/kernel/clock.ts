/** Time as a port: the engine's timers run on it, so that a test can own it. */
export type Clock = {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls `fn` once, `ms` from now; the answer cancels it. Does not keep the process alive. */
  after(ms: number, fn: () => void): () => void
}

export const systemClock: Clock = {
  now: Date.now,
  after(ms, fn) {
    const timer = setTimeout(fn, Math.max(0, ms))
    timer.unref()
    return () => clearTimeout(timer)
  },
}
