/** The test of the test: without one of its guards the engine breaks its promises, and the simulation sees which. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestConnection } from '../../support/database.ts'
import { openSimulatedDatabase, type SimulatedDatabase } from './database.ts'
import { runHistory } from './history.ts'
import { MUTANTS, type Mutant } from './mutants.ts'

/** Several times as many as it took on the average of those that are hardest to catch. */
const MOST = 250
const LANES = 2

let lanes: SimulatedDatabase[]

beforeAll(async () => {
  lanes = await Promise.all(
    Array.from({ length: LANES }, async () => openSimulatedDatabase(await createTestConnection())),
  )
})

afterAll(async () => {
  await Promise.all(lanes.map((lane) => lane.close()))
})

/** The invariants that the first history broke which broke one. */
async function hunt(mutant: Mutant): Promise<string[]> {
  let next = 0
  let broken: string[] = []
  await Promise.all(
    lanes.map(async (lane) => {
      while (next < MOST && broken.length === 0) {
        const { violations, mutations } = await runHistory(`mutant-${next++}`, lane, mutant)
        if (mutations > 0 && violations.length > 0) broken = violations.map(({ invariant }) => invariant)
      }
    }),
  )
  return broken
}

describe('the simulation catches that', () => {
  it.each(MUTANTS)('$name', { timeout: 120_000 }, async (mutant) => {
    const broken = await hunt(mutant)
    expect(
      mutant.breaks.some((invariant) => broken.includes(invariant)),
      `broken: ${broken.join('; ')}`,
    ).toBe(true)
  })
})
