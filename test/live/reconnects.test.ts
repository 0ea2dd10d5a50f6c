/** Two nodes, real clients, connections that are cut at random: each sees each event once. */
import { expect, it } from 'vitest'
import { CHAOS_TOKEN } from '../engine/chaos/api.ts'
import { createNode } from '../engine/chaos/node.ts'
import { createTestApp } from '../support/app.ts'
import { tryReconnects } from './reconnects/trial.ts'

const PATIENCE_MS = 200_000

it(
  'whoever is cut off comes back to any node and misses nothing, though a node is killed meanwhile',
  async () => {
    const seed = Math.floor(Math.random() * 1_000_000)
    const here = await createTestApp({ ADMIN_TOKEN: CHAOS_TOKEN, LEASE_SECONDS: '3' })
    const { databaseUrl } = here
    const there = await createNode('there', {
      ADMIN_TOKEN: CHAOS_TOKEN,
      DATABASE_URL: databaseUrl,
      LEASE_SECONDS: '3',
      SECRET_KEY: '0'.repeat(64),
    })
    try {
      there.start()
      await there.ready()
      const nodes = [{ url: here.url, isUp: () => true }, there]
      const trial = { databaseUrl, nodes, seed, each: 1, cuts: 60, strikes: 1, strike: there.kill }
      const outcome = await tryReconnects(trial)
      expect(outcome, `seed ${seed}`).toMatchObject({ lost: 0, repeated: 0, faults: [], strikes: 1 })
      expect(outcome.connections).toBeGreaterThan(outcome.cuts)
      expect(outcome.delivered).toBeGreaterThan(outcome.events)
    } finally {
      await there.kill()
      await here.stop()
    }
  },
  PATIENCE_MS,
)
