/** Signing secrets as a receiver sees them, with the library that receivers use. */
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../generated/index.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { issueToken, makeJob, type Person, query, signUp } from '../support/people.ts'
import { type Call, startReceiver } from '../support/receiver.ts'
import { actions } from './operations.ts'

const ROTATE = graphql(`
  mutation Rotate($jobId: ID!) {
    rotateSigningSecret(input: { jobId: $jobId }) {
      __typename
      ... on Job { signingSecret previousSecretUntil version }
      ... on Error { code message }
    }
  }
`)

const READ_SECRET = graphql(`query ReadSecret($id: ID!) { job(id: $id) { signingSecret previousSecretUntil } }`)

let app: TestApp
let alice: Person
let bob: Person
beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
  bob = await signUp(app, 'bob')
})
afterAll(() => app?.stop())

const rotate = async (jobId: string, token = alice.token) =>
  (await app.send(ROTATE, { jobId }, { token })).data.rotateSigningSecret
const secretOf = async (id: string) => (await app.send(READ_SECRET, { id }, { token: alice.token })).data.job

async function jobWithReceiver() {
  const receiver = await startReceiver()
  const { id } = await makeJob(app, alice.token, { actions: [{ webhook: { url: receiver.url } }] })
  return {
    id,
    async call(): Promise<Call> {
      const count = receiver.calls.length
      await actions(app, alice.token).run(id)
      await expect.poll(() => receiver.calls.length, { timeout: 10_000 }).toBe(count + 1)
      return receiver.calls[count] as Call
    },
  }
}

const accepts = (secret: string | null | undefined, { body, headers }: Call): boolean => {
  try {
    new Webhook(secret ?? '').verify(body, headers as Record<string, string>)
    return true
  } catch {
    return false
  }
}

describe('rotateSigningSecret', () => {
  it('makes a new secret, and receivers that hold either accept the calls', async () => {
    const job = await jobWithReceiver()
    const old = (await secretOf(job.id))?.signingSecret
    expect(accepts(old, await job.call())).toBe(true)
    const rotated = await rotate(job.id)
    if (rotated.__typename !== 'Job') throw new Error(JSON.stringify(rotated))
    expect(rotated.signingSecret).toMatch(/^whsec_/)
    expect(rotated.signingSecret).not.toBe(old)
    const hours = (Date.parse(rotated.previousSecretUntil ?? '') - Date.now()) / 3_600_000
    expect(hours).toBeGreaterThan(23.9)
    expect(hours).toBeLessThanOrEqual(24)
    const call = await job.call()
    expect(accepts(old, call)).toBe(true)
    expect(accepts(rotated.signingSecret, call)).toBe(true)
  })

  it('lets the old secret sign for 24 hours and no longer', async () => {
    const job = await jobWithReceiver()
    const old = (await secretOf(job.id))?.signingSecret
    await rotate(job.id)
    await query(
      app,
      `update signing_secret set previous_until = clock_timestamp() - interval '1 second' where job_id = $1::uuid`,
      [job.id.replace('job_', '')],
    )
    const call = await job.call()
    expect(accepts(old, call)).toBe(false)
    expect(accepts((await secretOf(job.id))?.signingSecret, call)).toBe(true)
    expect(await secretOf(job.id)).toMatchObject({ previousSecretUntil: null })
  })

  it('twice in a row leaves the last two', async () => {
    const job = await jobWithReceiver()
    const first = (await secretOf(job.id))?.signingSecret
    await rotate(job.id)
    const second = (await secretOf(job.id))?.signingSecret
    await rotate(job.id)
    const third = (await secretOf(job.id))?.signingSecret
    const call = await job.call()
    expect([first, second, third].map((secret) => accepts(secret, call))).toEqual([false, true, true])
  })

  it('is for whoever may change the job', async () => {
    const job = await jobWithReceiver()
    const before = await secretOf(job.id)
    const reader = await issueToken(app, alice.token, { scopes: ['jobs:read', 'jobs:run'] })
    expect(await rotate(job.id, reader.token)).toMatchObject({ code: 'INSUFFICIENT_SCOPE' })
    expect(await rotate(job.id, bob.token)).toMatchObject({ code: 'NOT_FOUND' })
    expect(await secretOf(job.id)).toEqual(before)
  })

  it('keeps no secret in the clear', async () => {
    const job = await jobWithReceiver()
    await rotate(job.id)
    const [row] = await query<{ current: Buffer; previous: Buffer }>(
      app,
      'select current, previous from signing_secret where job_id = $1::uuid',
      [job.id.replace('job_', '')],
    )
    for (const sealed of [row?.current, row?.previous]) expect(sealed?.toString('latin1')).not.toContain('whsec_')
  })
})
