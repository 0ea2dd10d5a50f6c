/** Reports on a run at work, by the receiver that does the work, as those see it who watch. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLog } from '../../src/kernel/log.ts'
import type { ReportStepInput } from '../generated/graphql.ts'
import { graphql } from '../generated/index.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { issueToken, makeJob, type Person, query, signUp } from '../support/people.ts'
import { deferred, startReceiver } from '../support/receiver.ts'
import { only, runActions, uuidOf } from './operations.ts'

const REPORT = graphql(`
  mutation ReportStep($input: ReportStepInput!) {
    reportStep(input: $input) {
      __typename
      ... on RunStep { position name status droppedLines progress { fraction done total message } }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

const WATCH = graphql(`
  subscription WatchReports($runId: ID!) {
    runEvents(runId: $runId, after: "") {
      __typename seq
      ... on StepStarted { position }
      ... on StepProgress { position name fraction done total note: message }
      ... on StepLog { position name level line: message }
      ... on StepFinished { position }
    }
  }
`)

const RUNS = graphql(`
  query ReportsOfRuns($jobId: ID!) {
    runs(filter: { jobId: $jobId }) {
      edges { node { id attempt steps { position droppedLines progress { fraction message } } } }
    }
  }
`)

let app: TestApp
/** A second node on the same database. */
let other: TestApp
let alice: Person
let bob: Person

beforeAll(async () => {
  app = await createTestApp({ MAX_STEP_LOG_LINES: '150', MAX_STEP_LOG_BYTES: '10000' })
  other = await createTestApp({ DATABASE_URL: app.databaseUrl, ROLE: 'api' })
  ;[alice, bob] = [await signUp(app, 'alice'), await signUp(app, 'bob')]
})
afterAll(() => Promise.all([other?.stop(), app?.stop()]))

const soon = { timeout: 15_000 }
type Told = Omit<ReportStepInput, 'runId'>

async function report(runId: string, told: Told, token = alice.token, node = app) {
  const { data, errors } = await node.send(REPORT, { input: { runId, ...told } }, { token })
  return errors ? errors[0] : data.reportStep
}
const log = (...messages: string[]): Told => ({ logs: messages.map((message) => ({ message })) })

async function storyOf(runId: string) {
  const events = []
  for await (const { runEvents } of app.watch(WATCH, { runId }, { token: alice.token })) events.push(runEvents)
  return events
}

/** A run whose step waits for the test: `end` lets its receiver answer. */
async function atWork(more: Parameters<typeof makeJob>[2] = {}) {
  const gate = deferred()
  const receiver = await startReceiver(async (response) => {
    await gate.promise
    response.end('done')
  })
  const { id: jobId } = await makeJob(app, alice.token, { actions: [{ webhook: { url: receiver.url } }], ...more })
  const runId = await runActions(app, alice.token).start(jobId)
  await expect.poll(() => receiver.calls.length, soon).toBe(1)
  return { jobId, runId, receiver, end: () => gate.resolve() }
}
const eventsOf = async (runId: string) =>
  (
    await query<{ count: number }>(app, 'select count(*)::int as count from run_event where run_id = $1', [
      uuidOf(runId),
    ])
  )[0]?.count

describe('a receiver that reports while it is called', () => {
  it('is seen at it by who watches, on any node, in order and before its step ends', async () => {
    const receiver = await startReceiver(async (response, { body }) => {
      const { run } = JSON.parse(body)
      await report(
        run.id,
        { attempt: run.attempt, ...log('begun'), progress: { done: 1, total: 4 } },
        alice.token,
        other,
      )
      await report(run.id, { progress: { fraction: 0.5, message: 'half of it' } })
      await report(run.id, { position: 0, logs: [{ level: 'ERROR', message: 'almost' }, { message: 'done' }] })
      response.end()
    })
    const { id: jobId } = await makeJob(app, alice.token, {
      actions: [{ webhook: { name: 'work', url: receiver.url } }],
    })
    const runId = await runActions(app, alice.token).start(jobId)
    const of = { position: 0, name: 'work' }
    expect(await storyOf(runId)).toEqual([
      { __typename: 'RunQueued', seq: 1 },
      { __typename: 'RunStarted', seq: 2 },
      { __typename: 'StepStarted', seq: 3, position: 0 },
      { __typename: 'StepLog', seq: 4, ...of, level: 'INFO', line: 'begun' },
      { __typename: 'StepProgress', seq: 5, ...of, fraction: 0.25, done: 1, total: 4, note: null },
      { __typename: 'StepProgress', seq: 6, ...of, fraction: 0.5, done: null, total: null, note: 'half of it' },
      { __typename: 'StepLog', seq: 7, ...of, level: 'ERROR', line: 'almost' },
      { __typename: 'StepLog', seq: 8, ...of, level: 'INFO', line: 'done' },
      { __typename: 'StepFinished', seq: 9, position: 0 },
      { __typename: 'RunSucceeded', seq: 10 },
    ])
    const { runs } = (await app.send(RUNS, { jobId }, { token: alice.token })).data
    expect(runs.edges.map(({ node }) => node.steps)).toEqual([
      [{ position: 0, droppedLines: 0, progress: { fraction: 0.5, message: 'half of it' } }],
    ])
  })

  it('faster than that is written down waits, and loses no line', async () => {
    const { runId, end } = await atWork()
    await report(runId, { progress: { done: 0, total: 10 } })
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => report(runId, { ...log(`${n}`), progress: { done: n + 1, total: 10 } })),
    )
    expect(answers).toEqual(
      Array(10).fill(expect.objectContaining({ progress: expect.objectContaining({ total: 10 }) })),
    )
    end()
    const lines = (await storyOf(runId)).flatMap((event) => ('line' in event ? event.line : []))
    expect(lines.toSorted()).toEqual(Array.from({ length: 10 }, (_, n) => `${n}`))
  })

  it('learns that its run was cancelled', async () => {
    const { runId, end } = await atWork()
    expect(await report(runId, log('at it'))).toMatchObject({ __typename: 'RunStep' })
    only(await runActions(app, alice.token).cancel(runId), 'Run')
    expect((await storyOf(runId)).at(-1)).toMatchObject({ __typename: 'RunCancelled' })
    const before = await eventsOf(runId)
    expect(await report(runId, log('too late'))).toMatchObject({ code: 'NOT_RUNNING' })
    expect(await eventsOf(runId)).toBe(before)
    end()
  })
})

describe('a report', () => {
  it('changes nothing when it comes from who may not run the job', async () => {
    const { runId, end } = await atWork()
    const before = await eventsOf(runId)
    const { token: reader } = await issueToken(app, alice.token, { scopes: ['jobs:read', 'jobs:write'] })
    expect(await report(runId, log('x'), bob.token)).toMatchObject({ code: 'NOT_FOUND' })
    expect(await report(runId, log('x'), reader)).toMatchObject({ code: 'INSUFFICIENT_SCOPE' })
    expect(await eventsOf(runId)).toBe(before)
    end()
    await storyOf(runId)
  })

  it('of another attempt, another step or a run that is over is refused, and changes nothing', async () => {
    const { runId, end } = await atWork()
    const before = await eventsOf(runId)
    expect(await report(runId, { attempt: 2, ...log('x') })).toMatchObject({ code: 'ATTEMPT' })
    expect(await report(runId, { position: 1, ...log('x') })).toMatchObject({ code: 'STEP_OVER' })
    expect(await report(`run_${'0'.repeat(32)}`, log('x'))).toMatchObject({ code: 'NOT_FOUND' })
    expect(await eventsOf(runId)).toBe(before)
    end()
    await storyOf(runId)
    const after = await eventsOf(runId)
    expect(await report(runId, { attempt: 1, ...log('x') })).toMatchObject({
      ...{ __typename: 'ConflictError', code: 'NOT_RUNNING' },
      message: expect.stringContaining('SUCCEEDED'),
    })
    expect(await eventsOf(runId)).toBe(after)
  })

  it.each<[string, Told, string]>([
    ['nothing', {}, 'progress'],
    ['no progress', { progress: {} }, 'progress'],
    ['no lines', { logs: [] }, 'progress'],
    ['more than all', { progress: { fraction: 1.5 } }, 'progress.fraction'],
    ['less than nothing', { progress: { done: -1 } }, 'progress.done'],
    ['an attempt before the first', { attempt: 0, progress: { done: 1 } }, 'attempt'],
    ['too many lines at once', log(...Array(101).fill('x')), 'logs'],
  ])('that says %s is a ValidationError', async (_what, told, path) => {
    expect(await report(`run_${'0'.repeat(32)}`, told)).toMatchObject({ code: 'VALIDATION', issues: [{ path }] })
  })

  it('may hold any text, of any length', async () => {
    const { runId, end } = await atWork()
    const hostile = ['a\0b', '\ud800', '<script>{{ x }}</script>', '𝄞'.repeat(5_000), '']
    expect(await report(runId, { ...log(...hostile), progress: { message: '\0'.repeat(10_000) } })).toMatchObject({
      progress: { fraction: null, message: `${'\ufffd'.repeat(199)}…` },
    })
    end()
    const lines = (await storyOf(runId)).flatMap((event) => ('line' in event ? event.line : []))
    expect(lines).toEqual(['a\ufffdb', '\ufffd', '<script>{{ x }}</script>', `${'𝄞'.repeat(999)}…`, ''])
  })

  it('with lines that do not fit any more is refused as a whole, and the limit is named; progress still fits', async () => {
    const { runId, end } = await atWork()
    expect(await report(runId, log(...Array(100).fill('x')))).toMatchObject({ __typename: 'RunStep' })
    const before = await eventsOf(runId)
    const [tooMany, progress] = await Promise.all([
      report(runId, { ...log(...Array(51).fill('y')), progress: { fraction: 1 } }),
      report(runId, { progress: { fraction: 0.7 } }),
    ])
    expect(tooMany).toMatchObject({
      ...{ __typename: 'LimitError', code: 'LIMIT_EXCEEDED' },
      message: expect.stringContaining('150 lines (MAX_STEP_LOG_LINES)'),
    })
    expect(progress).toMatchObject({ progress: { fraction: 0.7 }, droppedLines: 0 })
    expect(await eventsOf(runId)).toBe((before ?? 0) + 1)
    expect(await report(runId, log(...Array(6).fill('z'.repeat(1_900))))).toMatchObject({
      message: expect.stringContaining('10000 bytes together (MAX_STEP_LOG_BYTES)'),
    })
    end()
    await storyOf(runId)
  })
})

describe('an address to report to', () => {
  const send = (url: string, body: unknown, method = 'POST') =>
    fetch(url, { method, body: typeof body === 'string' ? body : JSON.stringify(body) })

  /** A run whose receiver was told where to report to. */
  async function withUrl() {
    const headers = { 'x-report-url': '{{ run.reportUrl }}' }
    const gate = deferred()
    const receiver = await startReceiver(async (response) => {
      await gate.promise
      response.end('done')
    })
    const { id: jobId } = await makeJob(app, alice.token, { actions: [{ webhook: { url: receiver.url, headers } }] })
    const runId = await runActions(app, alice.token).start(jobId)
    await expect.poll(() => receiver.calls.length, soon).toBe(1)
    const given = String(receiver.calls[0]?.headers['x-report-url'])
    return { runId, url: given.replace('localhost', '127.0.0.1'), end: () => gate.resolve() }
  }

  it('is good for whoever has it, without a token, on any node, while the step lasts', async () => {
    const { runId, url, end } = await withUrl()
    const elsewhere = url.replace(new URL(url).origin, other.url.replace('localhost', '127.0.0.1'))
    const first = await send(elsewhere, { logs: [{ message: 'begun' }], progress: { done: 1, total: 2 } })
    expect([first.status, await first.text()]).toEqual([204, ''])
    expect((await send(url, { logs: [{ level: 'WARN', message: 'hm' }] })).status).toBe(204)
    end()
    const story = await storyOf(runId)
    expect(story.slice(3, 6)).toMatchObject([{ line: 'begun', level: 'INFO' }, { fraction: 0.5 }, { line: 'hm' }])
    const late = await send(url, { progress: { fraction: 1 } })
    expect([late.status, await late.json()]).toMatchObject([409, { code: 'NOT_RUNNING' }])
    expect(await storyOf(runId)).toEqual(story)
  })

  it('cannot be made up, and takes nothing but a report', async () => {
    const { runId, url, end } = await withUrl()
    const before = await eventsOf(runId)
    const good = { progress: { fraction: 1 } }
    const flipped = url.slice(0, -5) + (url.at(-5) === 'A' ? 'B' : 'A') + url.slice(-4)
    const answers = await Promise.all([
      send(flipped, good),
      send(`${new URL(url).origin}/reports/`, good),
      send(`${url}${'A'.repeat(10_000)}`, good),
      send(url, good, 'PUT'),
      send(url, ''),
      send(url, '{'),
      send(url, '[]'),
      send(url, { progress: { fraction: 2 } }),
      send(url, { logs: Array(101).fill({ message: 'x' }) }),
      send(url, 'x'.repeat(300_000)),
    ])
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 405, 400, 400, 400, 400, 400, 413])
    expect(await eventsOf(runId)).toBe(before)
    end()
    await storyOf(runId)
  })

  it('stands in no log', async () => {
    const lines: string[] = []
    const quiet = await createTestApp(
      { DATABASE_URL: app.databaseUrl, ROLE: 'api' },
      createLog('info', { write: (line) => lines.push(line) }),
    )
    const status = (await send(`${quiet.url.replace('localhost', '127.0.0.1')}/reports/secret-pass`, {})).status
    await quiet.stop()
    expect(status).toBe(404)
    expect(lines.filter((line) => line.includes('/reports/'))).toHaveLength(1)
    expect(lines.join('')).not.toContain('secret-pass')
  })
})
