/**
 * Nodes on one database, runs that go on, and followers whose connections are cut at random while something befalls the
 * nodes; then calm, and each must have seen the log. Whoever tries it says how much of that there is.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { CHAOS_TOKEN, createApi } from '../../engine/chaos/api.ts'
import type { NodeProcess } from '../../engine/chaos/node.ts'
import { createRandom, type Random } from '../../engine/chaos/random.ts'
import { type Followed, type Follower, followBySocket, followBySse } from './follower.ts'

const PAUSE_MS = [0, 20] as const
const BETWEEN_RUNS_MS = 20
const POLL_MS = 20
const GIVE_UP_MS = 60_000

const CREATE_USER = `mutation($input: CreateUserInput!) { createUser(input: $input) { ... on CreatedUser { token } ... on Error { message } } }`
const PUBLISH = `mutation($input: PublishArtifactInput!) { publishArtifact(input: $input) { ... on Artifact { id } ... on Error { message } } }`
const CREATE_JOB = `mutation($input: CreateJobInput!) { createJob(input: $input) { ... on Job { id } ... on Error { message } } }`
const RUN = `mutation($input: RunJobInput!) { runJob(input: $input) { ... on Run { id } ... on Error { message } } }`

export type Trial = {
  databaseUrl: string
  /** All of them; one may be down. */
  nodes: Pick<NodeProcess, 'url' | 'isUp'>[]
  seed: number
  /** Followers by each client of each kind of stream. */
  each: number
  cuts: number
  /** What befalls nodes, so many times in the course of the cuts; while it lasts they go on. */
  strikes: number
  strike(random: Random): Promise<unknown>
}

export type Outcome = {
  runs: number
  /** In the log. */
  events: number
  /** To all followers together. */
  delivered: number
  followers: number
  cuts: number
  strikes: number
  connections: number
  lost: number
  repeated: number
  faults: string[]
}

export async function tryReconnects({
  databaseUrl,
  nodes,
  seed,
  each,
  cuts,
  strikes,
  strike,
}: Trial): Promise<Outcome> {
  const random = createRandom(seed)
  const database = new pg.Client(databaseUrl)
  const followers: (Follower & { where: string })[] = []
  const urlOfAny = () => random.pick(nodes).url
  const urlOfLiving = () => (nodes.find((node) => node.isUp()) ?? random.pick(nodes)).url
  await database.connect()
  try {
    const { jobs, streams } = await prepare(urlOfLiving)
    for (const { where, ...followed } of streams) {
      for (const follow of [followBySocket, followBySse]) {
        for (let n = 0; n < each; n++) followers.push({ ...follow({ ...followed, url: urlOfAny }), where })
      }
    }
    const load = startRuns(jobs, urlOfLiving)
    const struck: Promise<unknown>[] = []
    for (let cut = 0; cut < cuts; await sleep(random.between(...PAUSE_MS))) {
      if (!random.pick(followers).cut()) continue
      cut++
      if (cut >= (cuts * (struck.length + 0.5)) / strikes) struck.push(strike(random))
    }
    await Promise.all(struck)
    const runs = await load.stop()
    await untilQuiet(database)
    const judged: Judged[] = []
    const patience = Date.now() + GIVE_UP_MS
    for (const follower of followers) judged.push(await judge(follower, database, patience))
    const sum = (of: (each: Judged) => number) => judged.reduce((total, one) => total + of(one), 0)
    return {
      runs,
      events: Math.max(...judged.map(({ expected }) => expected)),
      delivered: sum(({ delivered }) => delivered),
      followers: followers.length,
      cuts,
      strikes: struck.length,
      connections: followers.reduce((total, { connections }) => total + connections(), 0),
      lost: sum(({ lost }) => lost),
      repeated: sum(({ repeated }) => repeated),
      faults: judged.flatMap(({ faults }) => faults),
    }
  } finally {
    for (const follower of followers) follower.close()
    await database.end()
  }
}

/** Alice has an artifact with a job, and the administrator another job; each kind of stream shows something else of it. */
async function prepare(url: () => string) {
  const admin = createApi(url)
  const { token } = await admin.mutate<{ token: string }>(CREATE_USER, { handle: 'alice' }, GIVE_UP_MS)
  const alice = createApi(url, token)
  const files = [{ path: 'index.html', content: 'hello' }]
  const { id: artifactId } = await alice.mutate<{ id: string }>(PUBLISH, { name: 'shop', files }, GIVE_UP_MS)
  // Nobody listens there: the run fails at once, and has all of its events.
  const job = { overlap: 'ALLOW', actions: [{ webhook: { url: 'http://127.0.0.1:9/' } }] }
  const hers = await alice.mutate<{ id: string }>(CREATE_JOB, { ...job, artifactId }, GIVE_UP_MS)
  const other = await admin.mutate<{ id: string }>(CREATE_JOB, job, GIVE_UP_MS)
  const streams: (Omit<Followed, 'url'> & { where: string })[] = [
    { of: {}, token: CHAOS_TOKEN, where: 'true' },
    { of: {}, token, where: `job_id = '${uuid(hers.id)}'` },
    { of: { jobId: other.id }, token: CHAOS_TOKEN, where: `job_id = '${uuid(other.id)}'` },
    { of: { artifactId }, token: CHAOS_TOKEN, where: `artifact_id = '${uuid(artifactId)}'` },
  ]
  return { jobs: [hers.id, other.id], streams }
}

const uuid = (id: string) => id.replace(/^[a-z]+_/, '')

/** Runs by hand, one after the other; what a dying node did not answer is nobody's. */
function startRuns(jobs: string[], url: () => string) {
  const api = createApi(url)
  let runs = 0
  let stopped = false
  async function repeat(jobId: string) {
    while (!stopped) {
      await api.mutate(RUN, { jobId }).then(
        () => runs++,
        () => {},
      )
      await sleep(BETWEEN_RUNS_MS)
    }
  }
  const repeating = Promise.all(jobs.map(repeat))
  return {
    async stop() {
      stopped = true
      await repeating
      return runs
    },
  }
}

async function until(isSo: () => boolean | Promise<boolean>, patience = Date.now() + GIVE_UP_MS): Promise<boolean> {
  for (; Date.now() < patience; await sleep(POLL_MS)) if (await isSo()) return true
  return false
}

async function untilQuiet(database: pg.Client) {
  const isQuiet = async () => (await database.query('select from run_queue limit 1')).rowCount === 0
  if (!(await until(isQuiet))) throw new Error('the runs do not come to their end')
}

type Judged = { expected: number; delivered: number; lost: number; repeated: number; faults: string[] }

async function judge(
  { by, where, cursors, faults }: Follower & { where: string },
  database: pg.Client,
  patience: number,
): Promise<Judged> {
  const text = `select position::text as cursor from run_event where ${where} order by run_event.position`
  const log = (await database.query<{ cursor: string }>(text)).rows.map(({ cursor }) => cursor)
  await until(() => cursors.length >= log.length || faults.length > 0, patience)
  const seen = new Set(cursors)
  const lost = log.filter((cursor) => !seen.has(cursor)).length
  const repeated = cursors.length - seen.size
  const isLog = cursors.length === log.length && cursors.every((cursor, index) => cursor === log[index])
  return {
    expected: log.length,
    delivered: cursors.length,
    lost,
    repeated,
    faults: [...faults, ...(isLog ? [] : ['its events are not those of the log'])].map(
      (fault) => `${by}, where ${where}: ${fault}`,
    ),
  }
}
