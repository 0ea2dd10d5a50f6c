/** What Runsheet reaches of another's figures, as verdicts; of those that cannot be told, because somebody did not take part, there are none. */
import type { Medians, Verdict } from '../kit/compare.ts'
import { figure } from '../kit/report.ts'
import { RUNSHEET } from './engines.ts'

/** `metric` of Runsheet is at least so many times the greatest of the rivals'. */
export function atLeast(of: Medians, goal: string, metric: string, rivals: string[], times: number): Verdict[] {
  const ratio = of(RUNSHEET, metric) / Math.max(...known(of, metric, rivals))
  return told(goal, ratio, ratio >= times)
}

/** `metric` of Runsheet is at most so many times the least of the rivals'. */
export function atMost(of: Medians, goal: string, metric: string, rivals: string[], times: number): Verdict[] {
  const ratio = of(RUNSHEET, metric) / Math.min(...known(of, metric, rivals))
  return told(goal, ratio, ratio <= times)
}

const known = (of: Medians, metric: string, rivals: string[]) =>
  rivals.map((name) => of(name, metric)).filter(Number.isFinite)

/** Without rivals the ratio is 0 or endless below zero, and without Runsheet it is no number. */
const told = (goal: string, ratio: number, met: boolean): Verdict[] =>
  ratio > 0 && Number.isFinite(ratio) ? [{ goal, reached: `${figure(ratio, 2)}×`, met }] : []
