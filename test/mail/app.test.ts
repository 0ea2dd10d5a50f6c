import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { simpleParser } from 'mailparser'
import { expect, onTestFinished, test } from 'vitest'
import { graphql } from '../generated/index.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { makeJob, publishSite, signUp } from '../support/people.ts'
import { refusing, startMailServer } from './servers.ts'

const RUN_MAIL_JOB = graphql(`
  mutation RunMailJob($jobId: ID!) { runJob(input: { jobId: $jobId }) { ... on Run { id } ... on Error { message } } }
`)

const MAIL_RUN = graphql(`
  query MailRun($id: ID!) {
    run(id: $id) {
      status output
      deliveries { method url status responseBody requestBytes error { code } }
    }
  }
`)

const REFUSED_MAIL_JOB = graphql(`
  mutation RefusedMailJob($input: CreateJobInput!) {
    createJob(input: $input) { ... on Job { id } ... on ValidationError { issues { path message } } }
  }
`)

/** What a run of this action came to. */
async function ran(app: TestApp, token: string, email: object, artifactId?: string) {
  const actions = [{ email: { recipients: ['ann@example.org'], subject: 'Tides', ...email } }]
  const job = await makeJob(app, token, { name: 'Report', actions, ...(artifactId && { artifactId }) })
  const { runJob } = (await app.send(RUN_MAIL_JOB, { jobId: job.id }, { token })).data
  if (!('id' in runJob)) throw new Error(JSON.stringify(runJob))
  const run = async () => (await app.send(MAIL_RUN, { id: runJob.id }, { token })).data.run
  await expect.poll(async () => (await run())?.status, { timeout: 10_000 }).toMatch(/SUCCEEDED|FAILED/)
  return run()
}

test('a job mails by way of the operator’s mail server, and its run tells what became of each recipient', async () => {
  const server = await startMailServer(refusing({ 'bob@example.org': 550 }))
  const app = await createTestApp({
    SMTP_URL: `smtp://127.0.0.1:${server.port}`,
    MAIL_FROM: 'Tide Desk <desk@example.org>',
  })
  onTestFinished(() => app.stop())
  const { token } = await signUp(app, 'alice')
  const { id: artifactId } = await publishSite(app, 'tides', token)
  const recipients = ['ann@example.org', 'bob@example.org']
  const run = await ran(
    app,
    token,
    { recipients, text: 'Noon, {{ artifact.slug }}.', includeArtifactLink: true },
    artifactId,
  )

  const mail = await server.received()
  expect(mail).toMatchObject({ subject: 'Tides', from: { text: '"Tide Desk" <desk@example.org>' } })
  expect(mail.text).toContain(`Noon, tides.\n\ntides: ${app.url}/a/tides/\n`)
  expect(mail.messageId).toMatch(/^<[0-9a-f]{32}\.0@example\.org>$/)
  const requestBytes = server.arrived[0]?.raw.length
  expect(run).toMatchObject({
    status: 'SUCCEEDED',
    output: {
      messageId: mail.messageId?.slice(1, -1),
      accepted: ['ann@example.org'],
      rejected: [{ address: 'bob@example.org', code: 550 }],
    },
  })
  const byUrl = [...(run?.deliveries ?? [])].sort((one, other) => one.url.localeCompare(other.url))
  expect(byUrl).toEqual([
    {
      method: 'SMTP',
      url: 'mailto:ann@example.org',
      status: 250,
      responseBody: expect.stringMatching(/^250 /),
      requestBytes,
      error: null,
    },
    {
      method: 'SMTP',
      url: 'mailto:bob@example.org',
      status: 550,
      responseBody: '550 not bob@example.org',
      requestBytes,
      error: null,
    },
  ])
})

test('without a mail server a mail is a file in the outbox', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'runsheet-mail-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const app = await createTestApp({ DATA_DIR: folder })
  onTestFinished(() => app.stop())
  const { token } = await signUp(app, 'alice')
  const run = await ran(app, token, { html: '<p>High water</p>' })
  const [name = '', ...others] = await readdir(path.join(folder, 'outbox'))
  expect(others).toEqual([])
  const mail = await simpleParser(await readFile(path.join(folder, 'outbox', name)))
  expect(mail).toMatchObject({ subject: 'Tides', from: { text: '"Runsheet" <runsheet@localhost>' } })
  expect(mail.text).toMatch(/^High water\n\n-- \nSent by the job “Report” \(job_/)
  expect(mail.messageId).toMatch(/@localhost>$/)
  expect(run).toMatchObject({
    status: 'SUCCEEDED',
    output: { accepted: ['ann@example.org'], rejected: [] },
    deliveries: [{ method: 'SMTP', url: 'mailto:ann@example.org', status: null, error: null }],
  })

  const input = { actions: [{ email: { recipients: ['ann', 'bob@example.org'], subject: 'x' } }] }
  expect((await app.send(REFUSED_MAIL_JOB, { input }, { token })).data.createJob).toEqual({
    issues: [{ path: 'actions.0.email.recipients.0', message: 'must be an address such as ann@example.org' }],
  })
})
