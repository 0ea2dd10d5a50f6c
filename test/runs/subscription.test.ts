import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FollowRunEventsSubscription, FollowRunEventsSubscriptionVariables } from '../generated/graphql.ts'
import { graphql } from '../generated/index.ts'
import { STREAMING, type Streaming } from '../graphql/transports.ts'
import { actions } from '../jobs/operations.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { makeJob, type Person, publishSite, query, signUp } from '../support/people.ts'
import { watching } from '../support/watching.ts'

const WATCH = graphql(`
  subscription FollowRunEvents($runId: ID, $jobId: ID, $artifactId: ID, $after: String) {
    runEvents(runId: $runId, jobId: $jobId, artifactId: $artifactId, after: $after) {
      __typename
      cursor
      seq
      run { id job { id } }
    }
  }
`)

/** Two nodes on one database. */
let app: TestApp
let other: TestApp
let alice: Person
let bob: Person

beforeAll(async () => {
  app = await createTestApp()
  other = await createTestApp({ DATABASE_URL: app.databaseUrl })
  ;[alice, bob] = [await signUp(app, 'alice'), await signUp(app, 'bob')]
})
afterAll(() => Promise.all([other.stop(), app.stop()]))

type Event = FollowRunEventsSubscription['runEvents']
type Stream = AsyncIterableIterator<Event>
type Follow = (node: TestApp, variables: FollowRunEventsSubscriptionVariables, token?: string) => Stream

async function* overWebSocket(...[node, variables, token]: Parameters<Follow>): Stream {
  for await (const { runEvents } of node.watch(WATCH, variables, { token: token ?? alice.token })) yield runEvents
}

/** As a browser's EventSource, or `curl -N`. What the server says besides results (a ping) is passed over. */
async function* overSse(...[node, variables, token]: Parameters<Follow>): Stream {
  const controller = new AbortController()
  const response = await fetch(`${node.url}/graphql`, {
    method: 'POST',
    headers: {
      accept: 'text/event-stream',
      'content-type': 'application/json',
      authorization: `Bearer ${token ?? alice.token}`,
    },
    body: JSON.stringify({ query: WATCH.toString(), variables }),
    signal: controller.signal,
  })
  try {
    let text = ''
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk
      const messages = text.split('\n\n')
      text = messages.pop() ?? ''
      for (const message of messages) {
        const fields = new Map(message.split('\n').map((line) => line.split(/: (.*)/s) as [string, string]))
        if (fields.get('event') !== 'next') continue
        const { data, errors } = JSON.parse(fields.get('data') ?? '')
        if (errors) throw new Error(JSON.stringify(errors))
        yield data.runEvents
      }
    }
  } finally {
    controller.abort()
  }
}

async function take(events: Stream, count: number): Promise<Event[]> {
  const seen: Event[] = []
  for await (const event of events) if (seen.push(event) === count) break
  return seen
}
const readAll = (events: Stream) => take(events, Number.POSITIVE_INFINITY)

/** Runs a job of alice's, unless somebody else asks; nobody listens where it calls, so it fails at once. */
async function run(jobId: string, token = alice.token, node = app): Promise<string> {
  const answer = await actions(node, token).run(jobId, { overlap: 'ALLOW' })
  if (answer?.__typename !== 'Run') throw new Error(JSON.stringify(answer))
  return answer.id
}
const WHOLE = ['RunQueued', 'RunStarted', 'StepStarted', 'StepFinished', 'RunFailed']
const namesOf = (events: Event[]) => events.map(({ __typename }) => __typename)
const runsOf = (events: Event[]) => [...new Set(events.map(({ run }) => run.id))]

describe.each<[string, Follow]>([
  ['WebSocket', overWebSocket],
  ['SSE', overSse],
])('the stream of run events over %s', (_name, follow) => {
  const transport = STREAMING.find(({ name }) => name === _name) as Streaming

  it('of one run has its whole life, in order, and ends with it; whenever one comes', async () => {
    const { id: jobId } = await makeJob(app, alice.token)
    const runId = await run(jobId)
    const [live, elsewhere] = await Promise.all([app, other].map((node) => readAll(follow(node, { runId, after: '' }))))
    expect(namesOf(live ?? [])).toEqual(WHOLE)
    expect(live?.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5])
    expect(elsewhere).toEqual(live)
    expect(await readAll(follow(app, { runId, after: '' }))).toEqual(live)
    expect(await readAll(follow(app, { runId, after: live?.[2]?.cursor ?? '' }))).toEqual(live?.slice(3))
    expect(await readAll(follow(app, { runId }))).toEqual([])
  })

  it('of a job, of an artifact or of everything has what matches, from now on and from the start', async () => {
    const artifact = await publishSite(app, `site-${_name.toLowerCase()}`, alice.token)
    const { id: onSite } = await makeJob(app, alice.token, { artifactId: artifact.id })
    const { id: elsewhere } = await makeJob(app, alice.token)
    const filters = [{ jobId: onSite }, { artifactId: artifact.id }, { jobId: onSite, artifactId: artifact.id }, {}]
    const first = await run(onSite)
    await readAll(follow(app, { runId: first, after: '' }))
    const before = filters.slice(0, 3).map((filter) => take(follow(other, { ...filter, after: '' }), 5))
    for (const events of await Promise.all(before)) expect(runsOf(events)).toEqual([first])

    const { cursor = '' } = (await readAll(follow(app, { runId: first, after: '' }))).at(-1) ?? {}
    const streams = filters.map((filter) => follow(app, { ...filter, after: cursor }))
    const next = streams.map((stream) => stream.next())
    const [strange, second] = [await run(elsewhere), await run(onSite)]
    const firsts = (await Promise.all(next)).map(({ value }) => value as Event)
    expect(firsts.map((event) => event.run.id)).toEqual([second, second, second, strange])
    for (const [index, stream] of streams.entries()) {
      const seen = [firsts[index] as Event, ...(await take(stream, index === 3 ? 9 : 4))]
      expect(runsOf(seen).sort()).toEqual(index === 3 ? [strange, second].sort() : [second])
    }
  })

  it('begins when it is there: with the next event, and none that is past', async () => {
    const { id: jobId } = await makeJob(app, alice.token)
    await readAll(follow(app, { runId: await run(jobId), after: '' }))
    for (const filter of [{ jobId }, {}]) {
      const question = { query: WATCH.toString(), variables: filter, token: alice.token }
      const stream = await watching<Event>(transport, other, question, 'runEvents')
      const runId = await run(jobId)
      await stream.until({ __typename: 'RunFailed', run: { id: runId } })
      expect(namesOf(stream.shown)).toEqual(WHOLE)
      await stream.leave()
    }
  })

  it('of a run that is of another job or artifact has nothing, and ends', async () => {
    const artifact = await publishSite(app, `other-${_name.toLowerCase()}`, alice.token)
    const [{ id: jobId }, { id: otherId }] = [await makeJob(app, alice.token), await makeJob(app, alice.token)]
    const runId = await run(jobId)
    for (const filter of [{ jobId: otherId }, { artifactId: artifact.id }]) {
      expect(await readAll(follow(app, { runId, ...filter, after: '' }))).toEqual([])
    }
    expect(namesOf(await readAll(follow(app, { runId, jobId, after: '' })))).toEqual(WHOLE)
  })

  it('goes on behind a cursor, on this node or on another, without a gap and without a repeat', async () => {
    const { id: jobId } = await makeJob(app, alice.token)
    const running = (async () => {
      for (let count = 0; count < 8; count++) await run(jobId, alice.token, count % 2 ? other : app)
    })()
    const seen: Event[] = []
    for (let leg = 0; seen.length < 40; leg++) {
      const node = leg % 2 ? other : app
      const events = await take(
        follow(node, { jobId, after: seen.at(-1)?.cursor ?? '' }),
        Math.min(7, 40 - seen.length),
      )
      seen.push(...events)
    }
    await running
    const log = await query<{ position: string }>(
      app,
      `select position from run_event where job_id = $1::uuid order by position`,
      [jobId.slice(4)],
    )
    expect(seen.map(({ cursor }) => cursor)).toEqual(log.map(({ position }) => position))
    for (const runId of runsOf(seen)) {
      expect(namesOf(seen.filter(({ run }) => run.id === runId))).toEqual(WHOLE)
    }
  })

  it('shows nobody what belongs to another; administrators see all', async () => {
    const [hers, his] = [await makeJob(app, alice.token), await makeJob(app, bob.token)]
    const people: [token: string, sees: string[]][] = [
      [alice.token, [hers.id]],
      [bob.token, [his.id]],
      [ADMIN_TOKEN, [hers.id, his.id]],
    ]
    const { cursor = '' } = (await readAll(follow(app, { runId: await run(hers.id), after: '' }))).at(-1) ?? {}
    const streams = people.map(([token]) => follow(app, { after: cursor }, token))
    const next = streams.map((stream) => stream.next())
    // What comes first shows that a stream has begun; what follows reaches it as it happens.
    const runs = [await run(hers.id), await run(his.id, bob.token)]
    const firsts = (await Promise.all(next)).map(({ value }) => value as Event)
    runs.push(await run(hers.id), await run(his.id, bob.token))
    for (const [index, [, sees]] of people.entries()) {
      const stream = streams[index] as Stream
      const seen = [firsts[index] as Event, ...(await take(stream, sees.length * 10 - 1))]
      expect(seen.filter(({ run }) => !sees.includes(run.job.id))).toEqual([])
      expect(runsOf(seen).sort()).toEqual(
        runs.filter((_, number) => sees.includes([hers, his][number % 2]?.id ?? '')).sort(),
      )
    }
  })

  it('says NOT_FOUND of what is not there, of what is another’s and of what is no id', async () => {
    const { id: jobId } = await makeJob(app, bob.token)
    const artifact = await publishSite(app, `bobs-${_name.toLowerCase()}`, bob.token, { visibility: 'PRIVATE' })
    const runId = await run(jobId, bob.token)
    const nothing = '0190aaaaaaaa7aaa8aaaaaaaaaaaaaaa'
    const strange = [
      { runId },
      { jobId },
      { artifactId: artifact.id },
      { runId: `run_${nothing}` },
      { jobId: `job_${nothing}` },
      { artifactId: `art_${nothing}` },
      { runId: jobId },
      { jobId: 'job' },
    ]
    for (const filter of strange) {
      await expect(follow(app, filter).next(), JSON.stringify(filter)).rejects.toThrow('"code":"NOT_FOUND"')
    }
    expect(await readAll(follow(app, { runId, after: '' }, ADMIN_TOKEN))).toHaveLength(5)
  })

  it('says VALIDATION of a cursor that is none', async () => {
    for (const after of ['x', '-1', '1.5', '1e3', ' ', '9'.repeat(16), '١']) {
      await expect(follow(app, { after }).next(), after).rejects.toThrow('"code":"VALIDATION"')
    }
  })
})
