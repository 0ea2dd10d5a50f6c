/**
 * Competitors that take turns within one run, so that what disturbs the machine disturbs them all. Of each figure the
 * median of the rounds counts, and the range is told beside it.
 */
import { loadavg } from 'node:os'
import { publish } from './report.ts'

/** What one turn of one competitor came to; a figure that it has not is left out. */
export type Sample = Record<string, number>

export type Metric = {
  key: string
  title: string
  /** Such as `/s` or `ms`. */
  unit: string
  better: 'more' | 'less'
  digits?: number
  /** Drawn too, not only told. */
  chart?: boolean
}

export type Competitor = {
  name: string
  /** One turn: starts what it needs, measures, and ends what it has started, whatever happens. */
  measure(): Promise<Sample>
}

/** The medians, by competitor and metric. */
export type Medians = (competitor: string, metric: string) => number

/** A goal in words, and what was reached of it. */
export type Verdict = { goal: string; reached: string; met: boolean }

export type Comparison = {
  /** Of the section in README.md and of the files of its charts. */
  name: string
  metrics: Metric[]
  competitors: Competitor[]
  /** A line for each figure and a column for each competitor, where there are more figures than competitors. */
  figuresDown?: boolean
  /** What is judged, once all is measured. */
  judge?(medians: Medians): Verdict[]
  /** What else is written of it, where its own section is. */
  conclude?(medians: Medians): Promise<void>
}

export type Results = Map<string, Sample[]>

const ROUNDS = Number(process.env.ROUNDS ?? 3)
/** Names, with commas between: only those take part, and nothing is written down. */
const ONLY = process.env.ONLY?.split(',')

export async function compare(comparison: Comparison): Promise<void> {
  const { name, competitors } = comparison
  const taking = competitors.filter((each) => !ONLY || ONLY.includes(each.name))
  const results: Results = new Map(taking.map((each) => [each.name, []]))
  for (let round = 0; round < ROUNDS; round++) {
    for (let turn = 0; turn < taking.length; turn++) {
      // Who begins changes, so that nobody always follows the same one.
      const competitor = taking[(turn + round) % taking.length]
      if (!competitor) continue
      const load = (loadavg()[0] ?? 0).toFixed(1)
      const sample = await competitor.measure()
      results.get(competitor.name)?.push(sample)
      console.error(`${name}, round ${round + 1}, load ${load}, ${competitor.name}: ${JSON.stringify(sample)}`)
    }
  }
  await publish(comparison, results, { rounds: ROUNDS, keep: ONLY === undefined })
}
