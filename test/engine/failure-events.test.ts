/** What a failure starts: `run.failed`, `job.paused`, and where such chains end. */
import { describe, expect, it } from 'vitest'
import { formatId } from '../../src/kernel/ids.ts'
import { page } from '../artifacts/world.ts'
import { failure, succeed, useWorld, type World, webhook } from './world.ts'

let world: World
useWorld((made) => {
  world = made
})

const soon = { timeout: 15_000 }
const failing = async () => failure({ transient: false })
const sentBy = (jobId: string) => expect.poll(() => world.statuses(jobId), soon)

const eventsOf = (type: string, jobId: string) =>
  world.prisma.domainEvent.findMany({
    where: { type, payload: { path: ['job', 'id'], equals: formatId('Job', jobId) } },
    orderBy: { id: 'asc' },
  })

const site = async (slug: string) => (await world.artifacts.publish(world.alice, page(slug))).id

describe('a run that fails', () => {
  it('is an event that says which run of which job failed, and at what', async () => {
    await world.node(failing)
    const jobId = await world.job({ name: 'nightly' })
    const runId = await world.start(jobId)
    await sentBy(jobId).toEqual(['FAILED'])
    expect(await eventsOf('run.failed', jobId)).toMatchObject([
      {
        ownerId: world.alice.principalId,
        artifactId: null,
        depth: 0,
        payload: {
          run: { id: formatId('Run', runId), trigger: 'MANUAL', scheduledFor: null, attempt: 1 },
          job: { id: formatId('Job', jobId), name: 'nightly' },
          error: { code: 'BAD', message: 'it went wrong', step: 'webhook' },
        },
      },
    ])
  })

  it('is one once it is given up, not at each attempt, and not when it is cancelled', async () => {
    await world.node(async () => failure())
    const jobId = await world.job({ retry: { maxAttempts: 3, backoff: 'FIXED', initialDelay: 0 } })
    await world.start(jobId)
    await sentBy(jobId).toEqual(['FAILED'])
    expect(await eventsOf('run.failed', jobId)).toMatchObject([{ payload: { run: { attempt: 3 } } }])
    const paused = await world.job({ startOn: new Date(Date.now() + 60_000), eventType: 'never' })
    await world.jobs.pause(world.alice, paused)
    expect(await eventsOf('run.failed', paused)).toEqual([])
  })

  it('starts the jobs on its artifact and those of its owner that are on none', async () => {
    await world.node((...step) => (step[0].plan.job.name === 'breaks' ? failing() : succeed(...step)))
    const [here, there] = [await site('here'), await site('there')]
    const listens = (artifactId: string | null) => world.job({ eventType: 'run.failed', artifactId })
    const [onSite, elsewhere, anywhere] = [await listens(here), await listens(there), await listens(null)]
    const breaks = await world.job({ name: 'breaks', artifactId: here })
    await world.start(breaks)
    await sentBy(onSite).toEqual(['SUCCEEDED'])
    await sentBy(anywhere).toEqual(['SUCCEEDED'])
    expect(await world.statuses(elsewhere)).toEqual([])
  })

  it('that was started by a failure, and so on, ends as a loop after eight', async () => {
    await world.node(failing)
    const alarm = await world.job({ name: 'alarm', eventType: 'run.failed' })
    await world.start(alarm)
    await sentBy(alarm).toEqual([...Array(9).fill('FAILED'), 'SKIPPED'])
    const depths = (await eventsOf('run.failed', alarm)).map(({ depth }) => depth)
    expect(depths).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    expect((await world.runsOf(alarm)).at(-1)).toMatchObject({ skipReason: 'LOOP', trigger: 'EVENT' })
  })

  it('because it lost its workers is an event too', async () => {
    const jobId = await world.job()
    const runId = await world.start(jobId)
    await world.sql('update run set losses = 4 where id = $1::uuid', [runId])
    const stuck = await world.node(() => new Promise(() => {}))
    await expect.poll(async () => (await world.run(runId)).status, soon).toBe('RUNNING')
    await stuck.abandon()
    await world.node(succeed)
    await sentBy(jobId).toEqual(['FAILED'])
    expect(await eventsOf('run.failed', jobId)).toMatchObject([{ payload: { error: { code: 'LOST' } } }])
  })
})

describe('a receiver that is gone for good', () => {
  const gone = async () =>
    failure({ code: 'HTTP_410', message: 'the receiver answered 410', transient: false, gone: true })

  it('pauses the job with a note; its slots that wait are skipped, and an event tells', async () => {
    await world.node(gone)
    const listener = await world.job({ eventType: 'job.paused', actions: [webhook('listener')] })
    const jobId = await world.job({ name: 'gone', schedule: { every: { seconds: 3600 } } })
    await world.start(jobId)
    await sentBy(jobId).toEqual(['FAILED'])
    const job = await world.prisma.job.findUniqueOrThrow({ where: { id: jobId } })
    expect(job).toMatchObject({ enabled: false, nextRunAt: null, pauseReason: 'the receiver answered 410' })
    expect(job.pausedAt).not.toBeNull()
    expect(await eventsOf('job.paused', jobId)).toMatchObject([
      { depth: 0, payload: { job: { name: 'gone' }, reason: 'the receiver answered 410' } },
    ])
    await sentBy(listener).toEqual(['FAILED'])
    // The listener's own receiver is gone as well: its pause is one deeper, and has nobody left to tell.
    await expect.poll(async () => (await eventsOf('job.paused', listener)).map(({ depth }) => depth), soon).toEqual([1])
    const resumed = await world.jobs.resume(world.alice, jobId)
    expect(resumed).toMatchObject({ enabled: true, pausedAt: null, pauseReason: null })
  })

  it.each(['INFORMER', 'KRAGLE', 'BOOZLES'] as const)(
    'does not pause a job of %s, whose clients know no such thing',
    async (surface) => {
      await world.node(gone)
      const jobId = await world.job()
      await world.prisma.job.update({ where: { id: jobId }, data: { surface } })
      await world.start(jobId)
      await sentBy(jobId).toEqual(['FAILED'])
      expect(await world.prisma.job.findUnique({ where: { id: jobId } })).toMatchObject({
        enabled: true,
        pausedAt: null,
      })
    },
  )

  it('does not pause what runs of a stack by itself belong to', async () => {
    await world.node(gone)
    const { id: stackId } = await world.stacks.create(world.alice, { name: 'stack', actions: [webhook('stack')] })
    const { jobId } = await world.stacks.run(world.alice, { stackId })
    await sentBy(jobId).toEqual(['FAILED'])
    expect(await world.prisma.job.findUnique({ where: { id: jobId } })).toMatchObject({ enabled: true, pausedAt: null })
  })

  it('leaves a job alone that is paused by hand meanwhile', async () => {
    const jobId = await world.job()
    await world.jobs.pause(world.alice, jobId)
    await world.jobs.retire(jobId, 'too late', 0)
    expect(await world.prisma.job.findUnique({ where: { id: jobId } })).toMatchObject({ pauseReason: null })
    expect(await eventsOf('job.paused', jobId)).toHaveLength(1)
  })
})
