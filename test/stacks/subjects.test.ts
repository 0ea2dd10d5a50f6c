/** The steps of a stack must fit each job that uses it: what they name may be there for one and not for another. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createActionRegistry } from '../../src/actions/registry.ts'
import { createEgress } from '../../src/egress/egress.ts'
import type { SignedIn } from '../../src/identity/viewer.ts'
import { createJobRights } from '../../src/jobs/rights.ts'
import { createJobRows } from '../../src/jobs/rows.ts'
import { createJobService } from '../../src/jobs/service.ts'
import type { JobChanges } from '../../src/jobs/watch.ts'
import { ValidationError } from '../../src/kernel/errors.ts'
import { formatId, newId } from '../../src/kernel/ids.ts'
import { createSeal } from '../../src/kernel/seal.ts'
import type { RunService } from '../../src/runs/service.ts'
import { createScheduleService } from '../../src/schedules/service.ts'
import { createStackService } from '../../src/stacks/service.ts'
import { createTestPorts } from '../actions/ports.ts'
import { createWorld as createArtifactWorld, page, signUp } from '../artifacts/world.ts'

let world: Awaited<ReturnType<typeof createWorld>>
let alice: SignedIn

/** Whatever an action names is there, but not for jobs on the artifact `shut`, and nothing by the ref `nowhere`. */
async function createWorld() {
  const { database, artifacts, close } = await createArtifactWorld()
  const { prisma, pool } = database
  const egress = createEgress({ allowCidrs: [], httpsOnly: false })
  const shut = new Set<string | null>()
  const gate = { whileChecking: async (_artifactId: string | null) => {} }
  const ports = createTestPorts()
  const actions = createActionRegistry({
    ...{ ...ports, egress, version: '0' },
    artifacts: {
      ...ports.artifacts,
      async find({ artifactId }, ref) {
        await gate.whileChecking(artifactId)
        return ref === 'nowhere' || shut.has(artifactId) ? null : newId()
      },
    },
  })
  const seal = createSeal('0'.repeat(64))
  const schedules = createScheduleService({ prisma, defaultTimezone: 'UTC' })
  const jobs = createJobService({
    ...{ prisma, pool, schedules, actions, seal },
    ...{
      datasets: ports.datasets,
      rights: createJobRights({ prisma, readJobs: createJobRows(pool) }),
      changes: {} as JobChanges,
    },
  })
  const runs = {} as RunService
  return {
    ...{ database, prisma, artifacts, shut, gate, jobs },
    stacks: createStackService({ prisma, pool, jobs, runs, actions, seal, publicUrl: 'http://localhost' }),
    async close() {
      await egress.close()
      await close()
    },
  }
}

beforeAll(async () => {
  world = await createWorld()
  alice = await signUp(world.database, 'alice')
})
afterAll(() => world?.close())

const steps = (artifactId: string) => [{ webhook: { url: 'https://receiver.example/' } }, { publish: { artifactId } }]
const plain = [{ webhook: { url: 'https://receiver.example/' } }]
const stackOf = async (actions: Parameters<typeof world.stacks.create>[1]['actions']) =>
  (await world.stacks.create(alice, { name: 'x', actions })).id
const site = async (slug: string) => (await world.artifacts.publish(alice, page(slug))).id
const stack = (id: string) =>
  world.prisma.stack.findUniqueOrThrow({ where: { id }, include: { actions: { orderBy: { position: 'asc' } } } })

async function issuesOf(work: Promise<unknown>) {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (error instanceof ValidationError) return error.issues
  throw error ?? new Error('nothing was wrong')
}

describe('the steps of a stack', () => {
  it('are checked for each job that takes it', async () => {
    const [open, shut] = [await site('open'), await site('shut')]
    world.shut.add(shut)
    const stackId = await stackOf(steps('somewhere'))
    await world.jobs.create(alice, { stackId })
    await world.jobs.create(alice, { stackId, artifactId: open })
    const message = 'does not fit the job, actions.1.publish.artifactId: the job’s owner has no such artifact'
    const count = await world.prisma.job.count()
    expect(await issuesOf(world.jobs.create(alice, { stackId, artifactId: shut }))).toEqual([
      { path: 'stackId', message },
    ])
    const { id: jobId } = await world.jobs.create(alice, { actions: plain, artifactId: shut })
    expect(await issuesOf(world.jobs.update(alice, { jobId, stackId }))).toEqual([{ path: 'stackId', message }])
    expect(await world.prisma.job.count()).toBe(count + 1)
    expect(await world.prisma.action.count({ where: { jobId } })).toBe(1)
  })

  it('are checked for all jobs that use it when it is changed, and stay when one of them cannot', async () => {
    const [shut, other] = [await site('shut-later'), await site('other')]
    world.shut.add(shut)
    const stackId = await stackOf(plain)
    await world.jobs.create(alice, { stackId, artifactId: other })
    const { id: jobId } = await world.jobs.create(alice, { stackId, artifactId: shut })
    const before = await stack(stackId)
    const update = (artifactId: string) =>
      world.stacks.update(alice, { stackId, name: 'half', actions: steps(artifactId) })
    expect(await issuesOf(update('nowhere'))).toMatchObject([{ path: 'actions.1.publish.artifactId' }])
    expect(await issuesOf(update('somewhere'))).toEqual([
      {
        path: 'actions.1.publish.artifactId',
        message: `for ${formatId('Job', jobId)}: the job’s owner has no such artifact`,
      },
    ])
    expect(await stack(stackId)).toEqual(before)

    await world.jobs.remove(alice, jobId)
    expect(await update('somewhere')).toMatchObject({ name: 'half', version: 2 })
  })

  it('need not fit jobs whose artifact is deleted: those cannot run', async () => {
    const shut = await site('removed')
    world.shut.add(shut)
    const stackId = await stackOf(plain)
    await world.jobs.create(alice, { stackId, artifactId: shut })
    await world.artifacts.remove(alice, shut)
    expect(await world.stacks.update(alice, { stackId, actions: steps('somewhere') })).toMatchObject({ version: 2 })
  })

  it('are not put to a use that they were not checked for, though it came while they were checked', async () => {
    const [open, shut] = [await site('before'), await site('meanwhile')]
    world.shut.add(shut)
    const stackId = await stackOf(plain)
    await world.jobs.create(alice, { stackId, artifactId: open })
    let taken: Promise<unknown> | undefined
    world.gate.whileChecking = async (artifactId) => {
      if (artifactId !== open) return
      taken ??= world.jobs.create(alice, { stackId, artifactId: shut })
      await taken
    }
    await expect(world.stacks.update(alice, { stackId, actions: steps('somewhere') })).rejects.toMatchObject({
      ...{ name: 'ConflictError', message: expect.stringContaining('try again') },
    })
    expect(await stack(stackId)).toMatchObject({ version: 1, actions: { length: 1 } })
    expect(await issuesOf(world.stacks.update(alice, { stackId, actions: steps('somewhere') }))).toHaveLength(1)
  })

  it('are not taken by a job if they change while they are checked for it', async () => {
    const stackId = await stackOf(steps('somewhere'))
    let changed: Promise<unknown> | undefined
    world.gate.whileChecking = async () => {
      changed ??= world.stacks.update(alice, { stackId, actions: plain })
      await changed
    }
    await expect(world.jobs.create(alice, { stackId })).rejects.toMatchObject({
      ...{ name: 'ConflictError', message: expect.stringContaining('try again') },
    })
    expect(await world.prisma.job.count({ where: { stackId, hidden: false } })).toBe(0)
    await world.jobs.create(alice, { stackId })
  })
})
