/**
 * Histories of the real engine in a simulated world, some the same in every run of the tests and some new. A history
 * that breaks an invariant is printed with its seed:
 *
 *     SIMULATION_SEED=… npx vitest run test/engine/simulation/simulation.test.ts
 */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestConnection } from '../../support/database.ts'
import { openSimulatedDatabase, type SimulatedDatabase } from './database.ts'
import { runHistory, type Verdict } from './history.ts'

const FIXED = 40
const FRESH = 30
const LANES = 2
const SHOWN = 250

let lanes: SimulatedDatabase[]

beforeAll(async () => {
  lanes = await Promise.all(
    Array.from({ length: LANES }, async () => openSimulatedDatabase(await createTestConnection())),
  )
})

afterAll(async () => {
  await Promise.all(lanes.map((lane) => lane.close()))
})

/** Runs them all, several at once, each lane on a database of its own. */
async function runAll(seeds: string[]): Promise<Verdict[]> {
  const left = [...seeds]
  const verdicts: Verdict[] = []
  await Promise.all(
    lanes.map(async (lane) => {
      for (let seed = left.shift(); seed !== undefined; seed = left.shift()) verdicts.push(await runHistory(seed, lane))
    }),
  )
  return verdicts
}

function expectNoViolation(verdicts: Verdict[]) {
  const [broken] = verdicts.filter(({ violations }) => violations.length > 0)
  const story = broken && [
    ...broken.trace().slice(-SHOWN),
    ...broken.violations.map(({ invariant, detail }) => `${invariant}: ${detail}`),
    `to see it again: SIMULATION_SEED=${broken.seed}`,
  ]
  expect(story?.join('\n')).toBeUndefined()
}

const given = process.env.SIMULATION_SEED

describe('the engine in a world where everything that can go wrong does', () => {
  it('keeps its promises in histories that are always the same', { timeout: 120_000 }, async () => {
    const verdicts = await runAll(given ? [given] : Array.from({ length: FIXED }, (_, index) => `fixed-${index}`))
    expectNoViolation(verdicts)
    if (!given) expect(Math.max(...verdicts.map(({ runs }) => runs))).toBeGreaterThan(5)
  })

  it.runIf(!given)('keeps its promises in histories that nobody has seen', { timeout: 120_000 }, async () => {
    const fresh = randomBytes(6).toString('hex')
    expectNoViolation(await runAll(Array.from({ length: FRESH }, (_, index) => `${fresh}-${index}`)))
  })
})
