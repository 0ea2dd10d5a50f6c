/** The examples do what they say: each is run as its header tells. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { graphql } from './generated/index.ts'
import { runActions } from './runs/operations.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from './support/app.ts'
import { startLine } from './support/cut-line.ts'
import { freePort } from './support/free-port.ts'
import { makeJob } from './support/people.ts'

const CHECKOUT = path.join(import.meta.dirname, '..')
const EXAMPLES = path.join(CHECKOUT, 'examples')
const DOCUMENTS = path.join(EXAMPLES, 'client-preset/generated/persisted-documents.json')
const PATIENCE_MS = 60_000
const patiently = { timeout: 30_000 }

const SIGNING_SECRET = graphql(`query SigningSecretOf($id: ID!) { job(id: $id) { signingSecret } }`)

let app: TestApp
beforeAll(async () => {
  app = await createTestApp({ TRUSTED_DOCUMENTS: DOCUMENTS })
})
afterAll(() => app.stop())

/** What it prints, line by line, as it does. Ends with the test. */
function run(example: string, env: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['--import', 'tsx', path.join('examples', example)], {
    cwd: CHECKOUT,
    env: { PATH: process.env.PATH, RUNSHEET_URL: app.url, RUNSHEET_TOKEN: ADMIN_TOKEN, ...env },
  })
  let text = ''
  const ended = once(child, 'close').then(([code]) => code as number | null)
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      text += chunk
    })
  }
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { lines: () => text.split('\n').filter(Boolean), ended }
}

const runsToTheEnd = async (example: string, env?: Record<string, string>): Promise<string[]> => {
  const { lines, ended } = run(example, env)
  expect(await ended, lines().join('\n')).toBe(0)
  return lines()
}

/** A run by hand, when it is over. */
async function runJob(jobId: string): Promise<string> {
  const { start, story } = runActions(app, ADMIN_TOKEN)
  const runId = await start(jobId)
  await story(runId)
  return runId
}

it(
  'urql: a query, a mutation and a subscription',
  async () => {
    expect(await runsToTheEnd('urql.ts')).toEqual([
      'signed in as admin',
      ...['1 RunQueued', '2 RunStarted', '3 StepStarted', '4 StepFinished', '5 RunSucceeded'],
    ])
  },
  PATIENCE_MS,
)

it(
  'Apollo Client: an event changes what a query shows',
  async () => {
    expect(await runsToTheEnd('apollo.ts')).toEqual(['its last run: none yet', 'its last run: SUCCEEDED'])
  },
  PATIENCE_MS,
)

it(
  'the client preset: typed operations, sent by their hashes',
  async () => {
    await makeJob(app, ADMIN_TOKEN, { name: 'masked' })
    const lines = await runsToTheEnd('client-preset/main.ts')
    expect(lines[0]).toMatch(/^— sent sha256:/)
    expect(lines).toContain('masked: on, never ran')
  },
  PATIENCE_MS,
)

it.each(['graphql-ws.ts', 'sse.ts'])(
  '%s comes back when it was cut off, and shows each event once',
  async (example) => {
    const name = `watched by ${example}`
    const { id: jobId } = await makeJob(app, ADMIN_TOKEN, { name })
    const before = await runJob(jobId)
    const line = await startLine(app.url)
    const { lines } = run(example, { RUNSHEET_URL: line.url })
    const seen = () => lines().filter((text) => text.includes(name))
    await expect.poll(() => seen().length, patiently).toBe(5)
    line.cut()
    const after = await runJob(jobId)
    await expect.poll(() => seen().length, patiently).toBeGreaterThanOrEqual(10)
    const stories = [before, after].flatMap((runId) =>
      ['RunQueued', 'RunStarted', 'StepStarted', 'StepFinished', 'RunFailed'].map(
        (kind, n) => `${runId} ${n + 1} ${kind}`,
      ),
    )
    expect(seen().map((text) => text.split(' ').slice(-3).join(' '))).toEqual(stories)
    expect(line.connections).toBe(2)
    expect(lines()[0]).toBe('— connected')
    expect(lines().filter((text) => text.startsWith('— disconnected'))).toHaveLength(1)
  },
  PATIENCE_MS,
)

it(
  'graphql-ws.ts gives up when its token is not valid',
  async () => {
    const { lines, ended } = run('graphql-ws.ts', { RUNSHEET_TOKEN: 'nonsense' })
    expect(await ended).toBe(1)
    expect(lines().filter((text) => text.startsWith('— given up'))).toHaveLength(1)
  },
  PATIENCE_MS,
)

it(
  'the receiver of webhooks believes what its job has signed, and nothing else',
  async () => {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const { id: jobId } = await makeJob(app, ADMIN_TOKEN, { name: 'caller', actions: [{ webhook: { url } }] })
    const { job } = (await app.send(SIGNING_SECRET, { id: jobId })).data
    const { lines } = run('webhook-receiver.ts', { PORT: String(port), WEBHOOK_SECRET: job?.signingSecret ?? '' })
    await expect.poll(lines, patiently).toEqual([`listening at ${url}`])
    const runId = await runJob(jobId)
    await expect.poll(lines, patiently).toContain(`caller: ${runId}, attempt 1`)
    const headers = {
      'webhook-id': 'x',
      'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
      'webhook-signature': 'v1,nonsense',
    }
    const forged = await fetch(url, { method: 'POST', headers, body: '{}' })
    expect(forged.status).toBe(401)
    expect(lines()).toHaveLength(3)
  },
  PATIENCE_MS,
)

it('the list of examples has all of them, and each says in its header how it is run', () => {
  const list = readFileSync(path.join(EXAMPLES, 'README.md'), 'utf8')
  const files = readdirSync(EXAMPLES).filter((name) => name !== 'README.md')
  for (const name of files) {
    expect(list).toContain(`](${name})`)
    if (name === 'demo') continue
    const main = name.endsWith('.ts') ? name : `${name}/main.ts`
    expect(readFileSync(path.join(EXAMPLES, main), 'utf8')).toContain(`node --import tsx examples/${main}`)
  }
  expect(files).toContain('urql.ts')
})
