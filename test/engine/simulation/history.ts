/**
 * One history: a few nodes, jobs and users, and what goes wrong, all from one seed; then calm, until everything has come
 * to rest; then the question whether all that must hold holds. The same seed is the same history, but for what PostgreSQL
 * leaves to chance: which of two that wait for one row goes on first.
 */
import { createActions } from './actions.ts'
import { calendarOf } from './calendar.ts'
import type { SimulatedDatabase } from './database.ts'
import { createCluster, planIncidents } from './incidents.ts'
import { checkHistory } from './invariants.ts'
import { createJobs } from './jobs.ts'
import { readLedger, readUnrest } from './ledger.ts'
import type { Mutant } from './mutants.ts'
import { createObserver } from './observer.ts'
import { createRandom } from './random.ts'
import { createUsers } from './users.ts'
import { createWorld, type Violation } from './world.ts'

export type Verdict = {
  seed: string
  violations: Violation[]
  trace(): string[]
  statements: number
  runs: number
  events: number
  /** How often the mutant did what it is there for. */
  mutations: number
}

const POLL_MS = 250
/** Longer than every lease, sweep, timeout and back-off in a row. */
const REST_MS = 40_000
const STOP_MS = 20_000
/** Timers of actions that were left behind have rung by then. */
const ABANDONED_MS = 3_000

export async function runHistory(seed: string, database: SimulatedDatabase, mutant?: Mutant): Promise<Verdict> {
  await database.clean()
  if (mutant?.prepare) await database.control.query(mutant.prepare.do)
  const calendar = calendarOf(createRandom(`${seed}/calendar`))
  const world = createWorld({ seed, database, base: calendar.base, mutant })
  const { timeline, faults, server } = world
  if (mutant?.prepare) world.countMutation()
  const horizon = world.random.between(3_000, 6_000)
  const jobs = await createJobs(world, calendar, horizon)
  const actions = createActions(world)
  const cluster = createCluster(world, actions)
  const observer = createObserver(world, horizon)
  const users = createUsers(world, calendar, jobs, observer, horizon)
  for (let count = world.random.pick([2, 2, 2, 3]); count > 0; count--) await cluster.add()
  planIncidents(world, cluster, observer, users, horizon)

  /** Whether it came true in time. */
  async function until(isSo: () => boolean | Promise<boolean>, limit: number): Promise<boolean> {
    const end = timeline.now() + limit
    for (;;) {
      if (await isSo()) return true
      if (timeline.now() >= end) return false
      await timeline.run(timeline.now() + POLL_MS, () => false)
    }
  }

  await timeline.run(horizon, () => false)
  world.note('world', 'is calm from now on')
  faults.calm()
  const calm = timeline.now()
  if (world.offset() < 0) world.jump(-world.offset())
  await until(() => server.isUp, STOP_MS)
  if (cluster.able().length === 0) await cluster.add()

  let unrest: string | null = null
  const isAtRest = async () => {
    unrest = await readUnrest(database)
    return unrest === null && !users.isBusy()
  }
  if (!(await until(isAtRest, REST_MS))) world.violate('everything comes to rest', unrest ?? 'a user waits')
  await until(() => observer.followers.every(({ runId, hasEnded }) => runId === null || hasEnded), STOP_MS)

  for (const node of cluster.able()) node.stop()
  if (!(await until(() => world.living.size === 0, STOP_MS))) {
    world.violate('a node stops when it is asked to', `${world.living.size} do not`)
  }
  const ledger = await readLedger(database)
  const newest = ledger.events.at(-1)?.position ?? 0
  await until(() => observer.newest() >= newest, STOP_MS)
  observer.close()
  await timeline.run(timeline.now() + ABANDONED_MS, () => false)
  for (const { process, connections, clock } of [...cluster.nodes, observer]) {
    if (process.dead || process.frozen) continue
    if (connections.open() + clock.pending() > 0) {
      world.violate(
        'nothing is left behind',
        `${process.name}: ${connections.open()} connections, ${clock.pending()} timers`,
      )
    }
  }
  checkHistory({
    ...{ world, jobs, ledger },
    ...{
      emitted: users.emitted,
      cancelled: users.cancelled,
      calm,
      performances: actions.performances,
      followers: observer.followers,
    },
  })
  await world.cutAll()
  await timeline.run(timeline.now() + STOP_MS, () => false)
  if (mutant?.prepare) {
    await database.clean()
    await database.control.query(mutant.prepare.undo)
  }
  return {
    ...{ seed, violations: world.violations, trace: world.trace.text },
    ...{ statements: world.statements(), runs: ledger.runs.length, events: ledger.events.length },
    mutations: world.mutations(),
  }
}
