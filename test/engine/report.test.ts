import { describe, expect, it } from 'vitest'
import type { Perform } from '../../src/engine/ports.ts'
import { newId } from '../../src/kernel/ids.ts'
import type { StepReport } from '../../src/runs/reporting.ts'
import { reportSteps, type StepReported } from '../../src/runs/transition/report.ts'
import { labelOf } from './simulation/statements.ts'
import { createStage, failure, LOG_LIMITS, succeed, useWorld, type World, webhook } from './world.ts'

let world: World
useWorld((made) => {
  world = made
})

const soon = { timeout: 10_000 }
const ended = (runId: string) => expect.poll(async () => (await world.run(runId)).finishedAt, soon).not.toBeNull()

type Logged = { kind: string; data: Record<string, unknown> }
const reportsOf = (runId: string) =>
  world.sql<Logged>(
    `select kind, data from run_event where run_id = $1::uuid and kind in ('STEP_LOG', 'STEP_PROGRESS') order by seq`,
    [runId],
  )
const linesOf = async (runId: string) =>
  (await reportsOf(runId)).filter(({ kind }) => kind === 'STEP_LOG').map(({ data }) => data.message)

/** Says something and succeeds at once. */
const saying =
  (say: (report: StepReport, position: number) => void): Perform =>
  async (...step) => {
    say(step[3], step[1])
    return succeed(...step)
  }

describe('what an action reports', () => {
  it('is written before the end of its step, however quick that is, and of its progress the newest', async () => {
    await world.node(
      saying((report, position) => {
        report.log('INFO', `step ${position} begins`)
        for (let done = 1; done <= 100; done++) report.progress({ done, total: 100 })
        report.log('WARN', 'it was quick')
      }),
    )
    const runId = await world.start(await world.job({ actions: [webhook('one'), webhook('two')] }))
    await ended(runId)
    const said = ['STEP_LOG', 'STEP_LOG', 'STEP_PROGRESS']
    const step = ['STEP_STARTED', ...said, 'STEP_FINISHED']
    expect(await world.kinds(runId)).toEqual(['QUEUED', 'STARTED', ...step, ...step, 'SUCCEEDED'])
    expect((await reportsOf(runId)).slice(0, 3).map(({ data }) => data)).toEqual([
      { position: 0, name: 'webhook', level: 'INFO', message: 'step 0 begins' },
      { position: 0, name: 'webhook', level: 'WARN', message: 'it was quick' },
      { position: 0, name: 'webhook', fraction: 1, done: 100, total: 100, message: null },
    ])
    expect(await world.steps(runId)).toMatchObject([
      { progress: { fraction: 1, done: 100 }, logLines: 2, logDropped: 0 },
      { progress: { fraction: 1, done: 100 }, logLines: 2 },
    ])
  })

  it('is there while the step is at work, at most twice a second', async () => {
    const stage = createStage()
    let report: StepReport | undefined
    await world.node((...step) => {
      report = step[3]
      return stage.perform(...step)
    })
    const runId = await world.start(await world.job())
    const call = await stage.call(0)
    const started = Date.now()
    let done = 0
    const timer = setInterval(() => report?.progress({ done: ++done }), 5)
    await expect.poll(async () => (await reportsOf(runId)).length, soon).toBeGreaterThanOrEqual(3)
    clearInterval(timer)
    const written = (await reportsOf(runId)).length
    expect(written).toBeLessThanOrEqual(1 + (Date.now() - started) / 490)
    call.end()
    await ended(runId)
    expect((await reportsOf(runId)).at(-1)?.data.done).toBe(done)
  })

  it('has its limits, and what is dropped is told in one last line', async () => {
    await world.node(
      saying((report) => {
        for (let n = 0; n < 1_010; n++) report.log('DEBUG', `line ${n}`)
      }),
      { logLimits: { lines: 5, bytes: 1_000 } },
    )
    const runId = await world.start(await world.job())
    await ended(runId)
    const first = [0, 1, 2, 3, 4].map((n) => `line ${n}`)
    expect(await linesOf(runId)).toEqual([...first, '… 1,005 more lines were dropped'])
    expect(await world.steps(runId)).toMatchObject([{ logLines: 5, logDropped: 1_005 }])
  })

  it('begins anew with each attempt', async () => {
    await world.node(
      async (...step) => {
        const [run, , , report] = step
        if (run.attempt === 1) report.progress({ fraction: 0.9 })
        for (let n = 0; n < 3; n++) report.log('INFO', `${run.attempt}.${n}`)
        return run.attempt === 1 ? failure() : succeed(...step)
      },
      { logLimits: { lines: 3, bytes: 1_000 } },
    )
    const runId = await world.start(await world.job({ retry: { maxAttempts: 2, initialDelay: 0 } }))
    await ended(runId)
    expect(await linesOf(runId)).toEqual(['1.0', '1.1', '1.2', '2.0', '2.1', '2.2'])
    expect(await world.steps(runId)).toMatchObject([{ attempt: 2, progress: null, logLines: 3 }])
  })

  it('may be any text', async () => {
    await world.node(
      saying((report) => {
        report.log('ERROR', 'a\0b\ud800c')
        report.log('ERROR', 'x'.repeat(5_000))
        report.progress({ message: '\udfff\0'.repeat(500) })
      }),
    )
    const runId = await world.start(await world.job())
    await ended(runId)
    expect(await world.run(runId)).toMatchObject({ status: 'SUCCEEDED' })
    expect(await linesOf(runId)).toEqual(['a\ufffdb\ufffdc', `${'x'.repeat(1_999)}…`])
  })

  it('is heard no more when the step has ended or was left behind', async () => {
    let late: StepReport | undefined
    await world.node(
      (...step) => {
        late = step[3]
        return new Promise(() => {})
      },
      { pace: 10 },
    )
    const runId = await world.start(await world.job({ timeout: 1 }))
    await ended(runId)
    const kinds = await world.kinds(runId)
    late?.log('INFO', 'here I am')
    late?.progress({ fraction: 1 })
    const next = await world.start(await world.job({ timeout: 1 }))
    await ended(next)
    expect(await world.kinds(runId)).toEqual(kinds)
    expect(await linesOf(runId)).toEqual([])
  })

  it('neither delays nor fails its run when it cannot be written, and what was lost is told', async () => {
    const stage = createStage()
    let report: StepReport | undefined
    let refused = 0
    const onStatement = (text: string) => {
      if (text.includes('STEP_LOG') && refused++ === 0) throw new Error('not now')
    }
    await world.node(
      (...step) => {
        report = step[3]
        report.log('INFO', 'lost')
        report.progress({ done: 1 })
        return stage.perform(...step)
      },
      { onStatement },
    )
    const runId = await world.start(await world.job())
    const call = await stage.call(0)
    await expect.poll(() => refused, soon).toBeGreaterThan(0)
    report?.log('INFO', 'kept')
    call.end()
    await ended(runId)
    expect(await world.run(runId)).toMatchObject({ status: 'SUCCEEDED' })
    expect(await linesOf(runId)).toEqual(['kept', '… 1 more line was dropped'])
    expect(await world.steps(runId)).toMatchObject([{ progress: { done: 1 }, logDropped: 1 }])
  })

  it('of a worker that died is kept, and its successor reports anew', async () => {
    const first = await world.node(
      (...step) => {
        step[3].log('INFO', 'by the first')
        step[3].progress({ fraction: 0.9 })
        return new Promise(() => {})
      },
      { drainSeconds: 0 },
    )
    const runId = await world.start(await world.job())
    await expect.poll(async () => (await reportsOf(runId)).length, soon).toBe(2)
    await first.abandon()
    await world.node(saying((report) => report.log('INFO', 'by the second')))
    await ended(runId)
    const attempt = ['STARTED', 'STEP_STARTED', 'STEP_LOG']
    expect(await world.kinds(runId)).toEqual([
      ...['QUEUED', ...attempt, 'STEP_PROGRESS', 'RETRYING'],
      ...[...attempt, 'STEP_FINISHED', 'SUCCEEDED'],
    ])
    expect(await world.steps(runId)).toMatchObject([{ attempt: 2, progress: null, logLines: 1 }])
  })
})

describe('a run that reports nothing', () => {
  it('costs no statement more than its start, its steps and its end', async () => {
    const texts: string[] = []
    await world.node(succeed, { onStatement: (text: string) => texts.push(text) })
    await ended(await world.start(await world.job({ actions: [webhook('one'), webhook('two')] })))
    const written = texts.filter((text) => /run_step/.test(text)).map(labelOf)
    // Looks that find nothing to start are among the starts.
    expect(written.filter((label) => label !== 'start')).toEqual(['advance', 'settle'])
    expect(texts.filter((text) => /STEP_LOG/.test(text))).toEqual([])
  })
})

describe('the fence of reports', () => {
  const of = (part: Partial<StepReported> & { runId: string }): StepReported => ({
    ...{ attempt: 1, position: 0, leaseOwner: null, whole: false },
    ...{ progress: null, lines: [{ level: 'INFO', message: 'x' }], dropped: 0, last: false },
    ...part,
  })
  const told = async (report: StepReported) => (await reportSteps(world.sql, LOG_LIMITS, [report])).length

  it('takes what the attempt, the step and the owner say that hold the run, and nothing else', async () => {
    const stage = createStage()
    const node = await world.node(stage.perform)
    const runId = await world.start(await world.job({ actions: [webhook('one'), webhook('two')] }))
    const call = await stage.call(0)
    const before = await world.kinds(runId)
    for (const stale of [
      { attempt: 0 },
      { attempt: 2 },
      { position: 1 },
      { leaseOwner: newId() },
      { runId: newId() },
    ]) {
      expect([stale, await told(of({ runId, ...stale }))]).toEqual([stale, 0])
    }
    expect(await world.kinds(runId)).toEqual(before)
    expect(await told(of({ runId, leaseOwner: node.nodeId }))).toBe(1)
    call.end()
    await stage.call(1)
    expect(await told(of({ runId, leaseOwner: node.nodeId }))).toBe(0)
    expect(await told(of({ runId, position: 1 }))).toBe(1)
    stage.calls[1]?.end()
    await ended(runId)
    expect(await told(of({ runId, attempt: null, position: null }))).toBe(0)
  })

  it('counts without a gap when many tell of one run at once, and writes for many runs in one statement', async () => {
    const stage = createStage()
    await world.node(stage.perform)
    const jobId = await world.job({ overlap: 'ALLOW' })
    const runIds = [await world.start(jobId), await world.start(jobId), await world.start(jobId)]
    await stage.call(2)
    const batches = Array.from({ length: 8 }, (_batch, n) => (n % 2 ? runIds : runIds.toReversed()))
    const written = await Promise.all(
      batches.map((ids) =>
        reportSteps(
          world.sql,
          { lines: 6, bytes: 100 },
          ids.map((runId) => of({ runId, last: true })),
        ),
      ),
    )
    expect(written.map((rows) => rows.length)).toEqual(batches.map(() => 3))
    for (const call of stage.calls) call.end()
    for (const runId of runIds) {
      await ended(runId)
      const lines = await linesOf(runId)
      expect(lines).toEqual([...Array(6).fill('x'), '… 1 more line was dropped', '… 2 more lines were dropped'])
    }
  })
})
