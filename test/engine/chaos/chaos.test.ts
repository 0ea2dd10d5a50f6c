/** Real processes on a real PostgreSQL, killed, frozen, stopped and restarted at random. A failing seed can be run again. */
import { expect, it } from 'vitest'
import { runChaos } from './chaos.ts'

const SECONDS = 40
const PATIENCE_MS = 400_000

it(
  'under kill -9, freezes, restarts and crashes of the database nothing is lost and nothing is done twice',
  async () => {
    const seed = Math.floor(Math.random() * 1_000_000)
    console.log(
      `chaos: seed ${seed}; again: node --import tsx test/engine/chaos/run.ts --seconds ${SECONDS} --seed ${seed}`,
    )
    const { faults, toll, figures } = await runChaos({ seed, seconds: SECONDS })
    expect(faults, JSON.stringify({ seed, toll, figures })).toEqual([])
    expect(figures.runsSucceeded).toBeGreaterThan(0)
    expect(Object.values(toll).reduce((sum, times) => sum + times, 0)).toBeGreaterThan(0)
  },
  PATIENCE_MS,
)
