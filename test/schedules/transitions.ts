/** The changes of a zone's clocks, found by looking at them once a day: no zone has changed twice within a week since 1970. */
import { type Clock, day, second } from './oracle.ts'

/** At `at` the clocks jump from `before` to `after` ahead of UTC; in milliseconds. */
export type Transition = { at: number; before: number; after: number }

export function transitionsOf(clock: Clock, from: number, until: number): Transition[] {
  const ahead = (instant: number) => clock(instant) - instant
  const transitions: Transition[] = []
  let before = ahead(from)
  for (let low = from; low < until; low += day) {
    const after = ahead(low + day)
    if (after === before) continue
    let [last, first] = [low, low + day]
    while (first - last > second) {
      const middle = last + Math.floor((first - last) / (2 * second)) * second
      if (ahead(middle) === before) last = middle
      else first = middle
    }
    transitions.push({ at: first, before, after })
    before = after
  }
  return transitions
}
