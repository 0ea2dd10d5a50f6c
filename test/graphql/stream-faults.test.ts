import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createTestApp, type TestApp } from '../support/app.ts'
import { makeJob, NOWHERE, type Person, post, query, signUp } from '../support/people.ts'
import { STREAMING } from './transports.ts'

let app: TestApp
let alice: Person
let runId: string

beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
  const { id } = await makeJob(app, alice.token, { actions: [NOWHERE] })
  const text = 'mutation($id: ID!) { runJob(input: { jobId: $id }) { ... on Run { id } } }'
  const { body } = await post(app, { query: text, variables: { id } }, alice.token)
  runId = body.data.runJob.id
  await vi.waitFor(
    async () => expect(await query(app, 'select status from run')).toEqual([{ status: 'FAILED' }]),
    20_000,
  )
})
afterAll(() => app?.stop())

it.each(STREAMING.map((transport) => [transport.name, transport] as const))(
  'over %s a stream that fails for a reason of ours says so, with the id to ask by, and ends',
  async (_name, transport) => {
    const stream = transport.stream(app, {
      query: 'subscription($runId: ID) { runEvents(runId: $runId, after: "") { seq } }',
      variables: { runId },
      token: alice.token,
    })
    await query(app, 'alter table run_event rename to run_event_that_is_away')
    const first = await stream
      .next()
      .finally(() => query(app, 'alter table run_event_that_is_away rename to run_event'))
    expect(first.value?.errors).toMatchObject([{ message: 'Internal error', extensions: { code: 'INTERNAL' } }])
    expect(first.value?.errors?.[0]?.extensions.requestId).toMatch(/^[0-9a-f-]{36}$/)
    expect((await stream.next()).done).toBe(true)
  },
)
