/** Two nodes that talk over Redis: what one does is watched on the other, whether Redis is there or not. */
import { expect, it } from 'vitest'
import { type Outcome, STREAMING } from '../graphql/transports.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { makeJob, NOWHERE, type Person, post, signUp } from '../support/people.ts'
import { hasRedis, startRedis } from '../support/redis.ts'

const WATCH = 'subscription($jobId: ID) { runEvents(jobId: $jobId, after: "") { seq __typename } }'
const RUN = 'mutation($id: ID!) { runJob(input: { jobId: $id }) { __typename } }'

const isAway = async ({ url }: TestApp) => / 1$/.test((await metrics(url)) ?? '')
const metrics = async (url: string) => /^runsheet_bus_away .*$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[0]
const ready = ({ url }: TestApp) => fetch(`${url}/health/ready`).then(({ status }) => status)

it.skipIf(!hasRedis)('a run of one node is watched on another, also while Redis is away and after it', async () => {
  const redis = await startRedis()
  const REDIS_URL = redis.url
  const here = await createTestApp({ REDIS_URL })
  const there = await createTestApp({ REDIS_URL, DATABASE_URL: here.databaseUrl, ROLE: 'api' })
  const alice: Person = await signUp(here, 'alice')
  const { id: jobId } = await makeJob(here, alice.token, { actions: [NOWHERE] })
  const streams = STREAMING.map((each) =>
    each.stream(there, { query: WATCH, variables: { jobId }, token: alice.token }),
  )
  async function runIsSeen() {
    expect((await post(here, { query: RUN, variables: { id: jobId } }, alice.token)).status).toBe(200)
    for (const stream of streams) {
      const seen: Outcome[] = []
      while (seen.length < 5) seen.push((await stream.next()).value as Outcome)
      expect(seen).toMatchObject([1, 2, 3, 4, 5].map((seq) => ({ data: { runEvents: { seq } } })))
    }
  }
  await runIsSeen()
  const nodes = [here, there]
  expect(await Promise.all(nodes.map(isAway))).toEqual([false, false])
  await redis.stop()
  await runIsSeen()
  expect(await Promise.all(nodes.map(isAway))).toEqual([true, true])
  expect(await Promise.all(nodes.map(ready))).toEqual([200, 200])
  await redis.start()
  await runIsSeen()
  for (const stream of streams) await stream.return(undefined)
  await there.stop()
  await here.stop()
  await redis.remove()
})
