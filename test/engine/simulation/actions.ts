/** Actions of all tempers: quick, slow, slower than a lease or a timeout, failing, throwing, deaf to their signal. */
import { newId, type Perform, type StepOutcome, type StepReport } from './product.ts'
import type { Process } from './timeline.ts'
import type { World } from './world.ts'

/** What an action leaves as its output: which attempt did it. */
export type Proof = { runId: string; attempt: number; position: number }

/** What an action says while it is at work. */
export const saidBy = ({ runId, attempt, position }: Proof) => `${runId} ${attempt} ${position}`

/** One action, and how it really went. Virtual milliseconds. */
export type Performance = {
  runId: string
  attempt: number
  process: Process
  began: number
  /** Null: it goes on, or died with its process. */
  ended: number | null
  /** When its signal came; null: never. */
  told: number | null
}

export function createActions(world: World) {
  const { timeline, faults } = world
  const random = world.random.stream('actions')
  const talks = world.random.stream('reports')
  const performances: Performance[] = []
  const isFocused = world.mutant?.focus?.freeze !== undefined
  const tempers = {
    slow: isFocused ? 0.7 : random.between(0, 0.35),
    failing: random.between(0, 0.3),
    deaf: random.between(0, 0.3),
  }

  function duration(): number {
    if ((faults.isCalm() && !isFocused) || !random.chance(tempers.slow)) return random.between(1, 120)
    return random.chance(isFocused ? 0 : 0.4) ? random.between(1500, 4500) : random.between(120, 1500)
  }

  const performOn =
    (process: Process): Perform =>
    (run, position, signal, report) => {
      const { runId, attempt } = run
      const proof: Proof = { runId, attempt, position }
      const performance: Performance = { runId, attempt, process, began: timeline.now(), ended: null, told: null }
      performances.push(performance)
      const calls = random.chance(0.5)
      const isDeaf = random.chance(tempers.deaf)
      const temper =
        !faults.isCalm() && random.chance(tempers.failing) ? random.pick(['transient', 'final', 'throws']) : 'good'
      const talk = talks.chance(0.3) ? talks.int(1, 4) : 0
      for (let n = 0; n < talk; n++) {
        timeline.after(talks.between(0, 1_500), () => say(report, saidBy(proof)), process)
      }
      world.note(process.name, 'action begins', { runId, attempt, position, temper, isDeaf })
      return new Promise<StepOutcome>((resolve, reject) => {
        const end = (outcome: StepOutcome | Error) => {
          if (performance.ended !== null) return
          performance.ended = timeline.now()
          world.note(process.name, 'action ends', { runId, attempt, position })
          if (outcome instanceof Error) reject(outcome)
          else resolve(outcome)
        }
        const fails = (code: string, transient: boolean): StepOutcome => ({
          ...{ ok: false, failure: { code, message: 'it went wrong', transient }, deliveries: [] },
        })
        timeline.after(
          duration(),
          () => {
            if (temper === 'throws') end(new Error('an action that throws'))
            else if (temper === 'good') end({ ok: true, output: proof, deliveries: calls ? [delivery()] : [] })
            else end(fails('BAD', temper === 'transient'))
          },
          process,
        )
        signal.addEventListener('abort', () => {
          performance.told = timeline.now()
          if (!isDeaf) timeline.after(random.between(0, 20), () => end(fails('STOPPED', true)), process)
        })
      })
    }

  function say(report: StepReport, message: string) {
    if (talks.chance(0.5)) report.progress({ message })
    else report.log('INFO', message)
  }

  const delivery = () => ({
    ...{
      id: newId(),
      method: 'POST',
      url: 'https://receiver.example/',
      requestBytes: 2,
      requestHeaders: {},
      status: 200,
    },
    ...{ responseHeaders: {}, responseBody: null, truncated: false, error: null, durationMs: 1 },
    startedAt: world.databaseNow(),
  })

  return { performOn, performances }
}
