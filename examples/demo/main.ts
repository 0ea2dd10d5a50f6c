/**
 * The first minute of Runsheet: a server on a PostgreSQL of its own, a site, a job by cron and a job by publish, and
 * every state of every run as it happens. All through the public API. `--once` ends when it has seen all of that.
 */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { createLog } from '../../src/kernel/log.ts'
import { createApi } from './api.ts'
import { isFree } from './port.ts'
import { startReceiver } from './receiver.ts'

const once = process.argv.includes('--once')
const GIVE_UP_MS = 60_000
const SITE = path.join(import.meta.dirname, 'site')

const say = (text: string) => process.stdout.write(`${text}\n`)
const line = (what: string, text: string) => say(`${new Date().toISOString().slice(11, 23)}  ${what.padEnd(9)} ${text}`)

const started = performance.now()
const port = process.env.PORT ?? ((await isFree(4000)) ? '4000' : '0')
const config = readConfig({
  DATA_DIR: './.runsheet/demo',
  EGRESS_ALLOW_CIDRS: '127.0.0.0/8',
  LOG_LEVEL: 'warn',
  ...process.env,
  PORT: port,
})
const app = await createApp(config, createLog(config.LOG_LEVEL))
say(`Runsheet is ready after ${((performance.now() - started) / 1000).toFixed(1)} s: ${app.url}\n`)

const api = createApi(app.url, app.admin.token)
const receiver = await startReceiver(({ path: to, body, verified }) => {
  const { run } = body as { run: { trigger: string } }
  line(
    'receiver',
    `${to} was called (${run.trigger.toLowerCase()}), ${verified ? 'signature right' : 'SIGNATURE WRONG'}`,
  )
})

async function stop(code: number): Promise<never> {
  await api.close()
  await receiver.close()
  await app.stop()
  process.exit(code)
}
process.on('SIGINT', () => stop(0))
process.on('SIGTERM', () => stop(0))
if (once) {
  setTimeout(() => {
    say('Not everything was seen in time.')
    stop(1)
  }, GIVE_UP_MS).unref()
}

type Problem = { message: string }
type Published = {
  publishArtifact: { id: string; url: string; siteUrl: string; liveVersion: { versionNo: number } } | Problem
}

async function publish(version: string) {
  const files = readdirSync(SITE).map((name) => ({
    path: name,
    content: readFileSync(path.join(SITE, name), 'utf8').replace('{{version}}', version),
  }))
  const { publishArtifact: artifact } = await api.send<Published>(
    `mutation Publish($files: [FileInput!]!) {
      publishArtifact(input: { name: "Tide table", slug: "tides", files: $files }) {
        ... on Artifact { id url siteUrl liveVersion { versionNo } }
        ... on Error { message }
      }
    }`,
    { files },
  )
  if ('message' in artifact) throw new Error(artifact.message)
  line('publish', `version ${artifact.liveVersion.versionNo} is live at ${artifact.url}`)
  return artifact
}

type Created = { createJob: { id: string; signingSecret: string; upcoming: string[] } | Problem }

async function createJob(name: string, artifactId: string, when: object) {
  const { createJob: job } = await api.send<Created>(
    `mutation Create($input: CreateJobInput!) {
      createJob(input: $input) {
        ... on Job { id signingSecret upcoming(count: 3) }
        ... on Error { message }
      }
    }`,
    { input: { name, artifactId, actions: [{ webhook: { url: `${receiver.url}/${name}` } }], ...when } },
  )
  if ('message' in job) throw new Error(job.message)
  receiver.trust(`/${name}`, job.signingSecret)
  line(
    'job',
    `${name} ${job.upcoming.length > 0 ? `next at ${job.upcoming.map((at) => at.slice(11, 19)).join(', ')}` : 'waits for a publish'}`,
  )
}

/** Jobs of an earlier demo in the same folder. */
async function forgetJobs(artifactId: string) {
  const { jobs } = await api.send<{ jobs: { edges: { node: { id: string } }[] } }>(
    'query Jobs($artifactId: ID) { jobs(first: 100, filter: { artifactId: $artifactId }) { edges { node { id } } } }',
    { artifactId },
  )
  for (const { node } of jobs.edges) {
    await api.send('mutation Delete($id: ID!) { deleteJob(input: { jobId: $id }) { __typename } }', { id: node.id })
  }
}

const artifact = await publish('one')
await forgetJobs(artifact.id)

type Event = {
  runEvents: { __typename: string; seq: number; run: { id: string; trigger: string; job: { name: string } } }
}
const events = api.subscribe<Event>(
  `subscription Live($artifactId: ID) {
    runEvents(artifactId: $artifactId) { __typename seq run { id trigger job { name } } }
  }`,
  { artifactId: artifact.id },
)

await createJob('every-two-seconds', artifact.id, { schedule: { cron: { expression: '*/2 * * * * *' } } })
await createJob('after-publish', artifact.id, { eventType: 'artifact.updated' })

say(`
  GraphiQL   ${app.url}/graphql
  the site   ${artifact.siteUrl}
  the token  ${app.admin.token}

Runs, as they happen${once ? '' : ' (Ctrl-C ends)'}:
`)

const succeeded = new Set<string>()
for await (const { data } of events) {
  const { __typename, seq, run } = data.runEvents
  line('event', `${run.job.name} ${run.id.slice(0, 12)}… ${seq} ${__typename}`)
  if (__typename !== 'RunSucceeded') continue
  if (succeeded.size === 0) await publish('two')
  succeeded.add(run.trigger)
  if (once && succeeded.has('SCHEDULE') && succeeded.has('EVENT')) break
}
say('\nSeen: a publish, a scheduled run and an event run, each live to its end.')
await stop(0)
