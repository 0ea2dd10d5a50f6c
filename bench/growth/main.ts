/**
 * How the same statements, lists and memory change from 10,000 jobs with 50,000 finished runs to 1,000,000 jobs with
 * 5,000,000, in databases of one PostgreSQL, in turns. `npm --prefix bench run growth`. SIZES are numbers of jobs;
 * GROWTH_SERVER is a PostgreSQL that keeps the databases for the next time. PLANS=1 prints plans.
 */
import { freePort } from '../../test/support/free-port.ts'
import { type Competitor, compare, type Medians, type Metric, type Verdict } from '../kit/compare.ts'
import { startPostgres } from '../kit/postgres.ts'
import { figure, insert, table } from '../kit/report.ts'
import { openWorld, type World } from './databases.ts'
import { createEngineSteps } from './engine.ts'
import { createFeedSteps } from './feed.ts'
import { RUNS_OF_A_JOB } from './fill.ts'
import { blocksOf, openMeter } from './meter.ts'
import { measureServer } from './server.ts'
import { sizesOf } from './sizes.ts'

const SIZES = (process.env.SIZES ?? '10000,100000,1000000').split(',').map(Number)
const SERVER = process.env.GROWTH_SERVER
/** Of the smallest database's time or blocks; more is not flat. */
const FLAT = 1.2

const STATEMENTS = {
  look: 'due-scan: nothing is due',
  due: 'due-scan: 50 are due',
  'fire-50': 'fire 50 slots',
  'claim-50': 'claim and start 50 runs',
  'finish-50': 'finish 50',
  'fire-1': 'fire one slot',
  'claim-1': 'claim and start one run',
  'finish-1': 'finish one',
  listeners: 'whom an event starts',
  past: 'feed: 500 events of the past',
  tail: 'feed: a look at the tail',
  settled: 'feed: where its reader begins',
  run: "a run's stream",
  job: "a job's stream",
  owner: "an owner's events among the last 1,000",
}

const metrics: Metric[] = [
  ...Object.entries(STATEMENTS).flatMap(([key, title]): Metric[] => [
    { key, title, unit: 'ms', better: 'less', digits: 2, chart: key === 'look' || key === 'claim-50' },
    { key: blocksOf(key), title, unit: 'blocks', better: 'less' },
  ]),
  { key: 'list', title: 'GraphQL list of 20 of 1,000 own jobs', unit: 'ms', better: 'less', digits: 1, chart: true },
  { key: 'list-all', title: 'the same of all jobs, for an administrator', unit: 'ms', better: 'less', digits: 1 },
  { key: 'total', title: '`totalCount` of all jobs', unit: 'ms', better: 'less', digits: 1 },
  { key: 'memory', title: 'server, just started', unit: 'MiB', better: 'less' },
  { key: 'memory-after', title: 'server, after 430 lists', unit: 'MiB', better: 'less' },
]

const short = (count: number) => (count < 1_000_000 ? `${count / 1_000}k` : `${count / 1_000_000}M`)
const nameOf = (jobs: number) => `${short(jobs)} jobs and ${short(jobs * RUNS_OF_A_JOB)} runs`

/** One connection as the engine's are, one as those of the others. */
async function competitorOf(world: World, port: number) {
  const { database } = world
  const engine = await openMeter(database, database.enginePool)
  const reader = await openMeter(database, database.pool)
  const [measureEngine, measureFeed] = [await createEngineSteps(engine), await createFeedSteps(reader)]
  const competitor: Competitor = {
    name: nameOf(world.jobs),
    async measure() {
      await measureEngine()
      await measureFeed()
      return { ...engine.take(), ...reader.take(), ...(await measureServer(world.url, port)) }
    },
  }
  return { competitor, close: () => Promise.all([engine.close(), reader.close()]) }
}

const GOALS = ['look', 'due', 'claim-50', 'claim-1'] as const

function judge(medians: Medians): Verdict[] {
  const [smallest, largest] = [nameOf(Math.min(...SIZES)), nameOf(Math.max(...SIZES))]
  return GOALS.map((key) => {
    const ratio = medians(largest, key) / medians(smallest, key)
    const more = (ratio - 1) * 100
    return { goal: `${STATEMENTS[key]}: within 20 %`, reached: `${figure(more)} %`, met: ratio <= FLAT }
  })
}

const postgres = SERVER ? { url: SERVER, stop: async () => {} } : await startPostgres()
const closing: (() => Promise<unknown>)[] = [postgres.stop]
try {
  const worlds: World[] = []
  for (const jobs of SIZES) {
    const world = await openWorld(postgres.url, jobs)
    closing.push(world.close)
    worlds.push(world)
  }
  const competitors: Competitor[] = []
  const port = await freePort()
  for (const world of worlds) {
    const { competitor, close } = await competitorOf(world, port)
    closing.push(close)
    competitors.push(competitor)
  }
  await compare({ name: 'growth', metrics, competitors, figuresDown: true, judge })
  const sizes = await sizesOf(worlds)
  const text = table(['', ...worlds.map(({ jobs }) => nameOf(jobs))], sizes)
  console.log(text)
  if (!process.env.ONLY) await insert('growth-sizes', text)
} finally {
  for (let close = closing.pop(); close; close = closing.pop()) await close()
}
