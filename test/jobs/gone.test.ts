/** A receiver that is gone for good, as the owner of the job sees it. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { graphql } from '../generated/index.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { makeJob, type Person, signUp } from '../support/people.ts'
import { startReceiver } from '../support/receiver.ts'
import { actions } from './operations.ts'

const PAUSED = graphql(`
  query PausedJob($id: ID!) { job(id: $id) { enabled pausedAt pauseReason nextRunAt lastRun { status attempt error { code step } } } }
`)

let app: TestApp
let alice: Person
beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
})
afterAll(() => app?.stop())

it('ends the run without another try, pauses the job with a note, and tells an alarm of both', async () => {
  const receiver = await startReceiver(
    (response, { url }) => void response.writeHead(url === '/gone' ? 410 : 200).end(),
  )
  const told = (eventType: string) =>
    makeJob(app, alice.token, {
      eventType,
      actions: [
        {
          webhook: {
            url: `${receiver.url}/${eventType}/{{ event.payload.job.name }}`,
            contentType: 'text/plain',
            body: eventType === 'job.paused' ? '{{ event.payload.reason }}' : '{{ event.payload.error.code }}',
          },
        },
      ],
    })
  await Promise.all(['run.failed', 'job.paused'].map(told))
  const { id } = await makeJob(app, alice.token, {
    name: 'nightly',
    schedule: { every: { seconds: 3600 } },
    retry: { maxAttempts: 5, initialDelay: 0, retryOn: 'ANY' },
    actions: [{ webhook: { name: 'call', url: `${receiver.url}/gone` } }],
  })
  await actions(app, alice.token).run(id)
  const read = async () => (await app.send(PAUSED, { id }, { token: alice.token })).data.job
  await expect.poll(async () => (await read())?.lastRun?.status, { timeout: 15_000 }).toBe('FAILED')
  expect(await read()).toEqual({
    ...{ enabled: false, pausedAt: expect.any(String), pauseReason: 'the receiver answered 410', nextRunAt: null },
    lastRun: { status: 'FAILED', attempt: 1, error: { code: 'HTTP_410', step: 'call' } },
  })
  const calls = () => receiver.calls.map(({ url, body }) => (url === '/gone' ? url : `${url} ${body}`)).sort()
  const alarms = ['/job.paused/nightly the receiver answered 410', '/run.failed/nightly HTTP_410']
  await expect.poll(calls, { timeout: 15_000 }).toEqual(['/gone', ...alarms])
})
