/** What goes wrong in a history: how often, drawn from the seed, so that histories differ in kind and not only in detail. */
import type { Focus } from './mutants.ts'
import type { Random } from './random.ts'

/** What becomes of one statement. Milliseconds are virtual. */
export type Fate = {
  /** Until PostgreSQL gets it. */
  before: number
  /** Until the commit, of a statement that is a transaction by itself. */
  commit: number
  /** Until its answer is there. */
  after: number
  /** The connection breaks before it is executed, or before its answer is there. */
  breaks: 'before' | 'after' | null
}

export function createFaults(random: Random, focus: Focus) {
  const rate = (most: number) => (random.chance(0.4) ? 0 : random.between(0, most))
  const rates = {
    breaks: rate(0.02),
    slow: rate(0.03),
    slowCommit: random.chance(0.2) ? 0 : random.between(0, 0.25),
    lost: random.chance(0.15) ? 1 : rate(0.5),
    linger: focus.linger ? 0.7 : rate(0.3),
    repeated: rate(0.2),
  }
  let calm = false

  return {
    rates,
    /** Nothing goes wrong any more. */
    calm: () => {
      calm = true
    },
    isCalm: () => calm,
    /** `isInside`: of a statement in a transaction, which may take its time and hold its locks. */
    fateOf(isReliable: boolean, isInside: boolean): Fate {
      const fate: Fate = { before: random.between(0.2, 2), commit: 0, after: random.between(0.2, 2), breaks: null }
      if (calm) return fate
      if (random.chance(rates.slow))
        fate.before += random.chance(0.3) ? random.between(1000, 4000) : random.between(50, 500)
      if (random.chance(rates.slow))
        fate.after += random.chance(0.3) ? random.between(1000, 4000) : random.between(50, 500)
      if (isInside && random.chance(rates.linger)) fate.before += random.between(5, 150)
      if (random.chance(rates.slowCommit)) fate.commit = random.between(1, 60)
      if (!isReliable && random.chance(rates.breaks)) fate.breaks = random.chance(0.5) ? 'before' : 'after'
      return fate
    },
    /** When a notification arrives: never, once, or twice. */
    arrivals(): number[] {
      const soon = () => random.between(0.5, 8)
      if (calm) return [soon()]
      if (random.chance(rates.lost)) return []
      return random.chance(rates.repeated) ? [soon(), soon() + random.between(0, 300)] : [soon()]
    },
  }
}
