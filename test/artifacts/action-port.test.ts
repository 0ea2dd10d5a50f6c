/** What actions do with artifacts, once for each step: when it is done over, at the same time, or too late. */
import { describe, expect, it } from 'vitest'
import { EffectError, type EffectKey, type Subject } from '../../src/actions/ports.ts'
import type { Perform } from '../../src/engine/ports.ts'
import { formatId, newId } from '../../src/kernel/ids.ts'
import { createStage, succeed, useWorld, type World } from '../engine/world.ts'
import { page, signUp } from './world.ts'

let world: World
useWorld((made) => {
  world = made
})

const soon = { timeout: 10_000 }
const owner = (artifactId: string | null = null): Subject => ({ ownerId: world.alice.principalId, artifactId })
const ended = (runId: string) => expect.poll(async () => (await world.run(runId)).finishedAt, soon).not.toBeNull()

/** An artifact with three versions, which were live one after the other. */
async function site(slug: string): Promise<string> {
  for (const text of ['one', 'two']) await world.artifacts.publish(world.alice, page(slug, text))
  return (await world.artifacts.publish(world.alice, page(slug, 'three'))).id
}

const roll = (artifactId: string, versionNo: number) => world.artifacts.rollback(world.alice, { artifactId, versionNo })

/** Numbers of the versions in the order in which they went live. */
async function historyOf(artifactId: string): Promise<number[]> {
  const where = { artifactId }
  const rows = await world.prisma.deployment.findMany({
    where,
    orderBy: { deploymentNo: 'asc' },
    include: { version: true },
  })
  expect(await world.prisma.domainEvent.count({ where })).toBe(rows.length)
  return rows.map(({ version }) => version.versionNo)
}

const deploy = (artifactId: string, target: number | 'LATEST' | 'PREVIOUS', effect: EffectKey | null) =>
  world.artifactPort.deploy(artifactId, target, { ownerId: world.alice.principalId, effect, depth: 1 })

/** Steps of as many runs, worked on until the test ends them. */
async function openSteps(count: number) {
  const stage = createStage()
  await world.node(stage.perform)
  for (let n = 0; n < count; n++) await world.start(await world.job())
  await stage.call(count - 1)
  const effects = stage.calls.map(({ run, position }): EffectKey => ({ runId: run.runId, position }))
  return {
    effects,
    async end() {
      for (const call of stage.calls) call.end()
      for (const { runId } of effects) await ended(runId)
    },
  }
}

describe('a deployment by a step', () => {
  it('is done once, however often the step is done over, and is answered as the first time', async () => {
    const artifactId = await site('once')
    const { effects, end } = await openSteps(1)
    const [effect = null] = effects
    const first = await deploy(artifactId, 'PREVIOUS', effect)
    expect(first).toEqual({ versionNo: 2, changed: true, url: 'https://runsheet.example/a/once/' })
    expect(await deploy(artifactId, 'PREVIOUS', effect)).toEqual(first)
    await roll(artifactId, 1)
    expect(await deploy(artifactId, 'PREVIOUS', effect)).toEqual(first)
    expect(await historyOf(artifactId)).toEqual([1, 2, 3, 2, 1])
    await end()
    expect(await deploy(artifactId, 'PREVIOUS', effect)).toEqual(first)
    expect(await historyOf(artifactId)).toEqual([1, 2, 3, 2, 1])
  })

  it('is done once by several at the same time', async () => {
    const { effects, end } = await openSteps(2)
    for (const [index, target] of (['PREVIOUS', 1] as const).entries()) {
      const artifactId = await site(`together-${index}`)
      const effect = effects[index] ?? null
      const answers = await Promise.all(Array.from({ length: 6 }, () => deploy(artifactId, target, effect)))
      expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
      expect(await historyOf(artifactId)).toHaveLength(4)
    }
    await end()
  })

  it('does not stand for that of another run', async () => {
    const artifactId = await site('apart')
    const { effects, end } = await openSteps(2)
    for (const effect of [...effects, null]) await deploy(artifactId, 'PREVIOUS', effect)
    expect(await historyOf(artifactId)).toEqual([1, 2, 3, 2, 3, 2])
    await end()
  })

  it('comes too late when its step has ended: what people did since stays', async () => {
    const artifactId = await site('late')
    const { effects, end } = await openSteps(1)
    const [effect = null] = effects
    expect(await deploy(artifactId, 'LATEST', effect)).toMatchObject({ versionNo: 3, changed: false })
    await end()
    await roll(artifactId, 1)
    await expect(deploy(artifactId, 'LATEST', effect)).rejects.toMatchObject({ code: 'RUN_OVER' })
    await expect(deploy(artifactId, 'LATEST', { runId: newId(), position: 0 })).rejects.toBeInstanceOf(EffectError)
    expect(await historyOf(artifactId)).toEqual([1, 2, 3, 1])
  })

  it('says what is gone', async () => {
    const artifactId = await site('leaving')
    await expect(deploy(artifactId, 9, null)).rejects.toMatchObject({ code: 'NO_SUCH_VERSION' })
    await world.artifacts.remove(world.alice, artifactId)
    await expect(deploy(artifactId, 1, null)).rejects.toMatchObject({ code: 'NO_SUCH_ARTIFACT' })
    expect(await historyOf(artifactId)).toEqual([1, 2, 3])
  })
})

describe('a worker that dies between a deployment and the record of it', () => {
  it('is followed by one that finds it done, and the run ends as if nothing had happened', async () => {
    const artifactId = await site('crash')
    const actions = [{ publish: { target: 'PREVIOUS' } }, { webhook: { url: 'https://receiver.example/' } }]
    const jobId = await world.job({ artifactId, actions })
    let deployed = () => {}
    const isDeployed = new Promise<void>((resolve) => {
      deployed = resolve
    })
    const dying: Perform = async (...step) => {
      await world.perform(...step)
      deployed()
      return new Promise(() => {})
    }
    const node = await world.node(dying, { pace: 10, drainSeconds: 0 })
    const runId = await world.start(jobId)
    await isDeployed
    await node.abandon()
    expect(await world.run(runId)).toMatchObject({ status: 'RUNNING' })
    expect(await historyOf(artifactId)).toEqual([1, 2, 3, 2])

    await world.node((...step) => (step[1] === 0 ? world.perform(...step) : succeed(...step)))
    await ended(runId)
    expect(await world.run(runId)).toMatchObject({ status: 'SUCCEEDED', attempt: 2, losses: 1 })
    const output = { versionNo: 2, changed: true, url: 'https://runsheet.example/a/crash/' }
    expect(await world.steps(runId)).toMatchObject([{ attempt: 2, output }, { attempt: 2 }])
    expect(await historyOf(artifactId)).toEqual([1, 2, 3, 2])
    const [deployment] = await world.prisma.deployment.findMany({ where: { artifactId, deploymentNo: 4 } })
    expect(deployment).toMatchObject({ runId, runPosition: 0, createdById: world.alice.principalId })
  })

  it('and wakes up when the run has long gone on without it changes nothing', async () => {
    const artifactId = await site('frozen')
    const jobId = await world.job({ artifactId, actions: [{ publish: {} }] })
    const late: (() => Promise<unknown>)[] = []
    const frozen: Perform = (...step) => {
      late.push(() => world.perform(...step))
      return new Promise(() => {})
    }
    const node = await world.node(frozen, { pace: 10, drainSeconds: 0 })
    const runId = await world.start(jobId)
    await expect.poll(() => late.length, soon).toBe(1)
    await node.abandon()
    await world.node(world.perform)
    await ended(runId)
    await roll(artifactId, 2)
    expect(await late[0]?.()).toMatchObject({ ok: false, failure: { code: 'RUN_OVER' } })
    expect(await historyOf(artifactId)).toEqual([1, 2, 3, 2])
  })
})

describe('an artifact', () => {
  it('is found by whoever owns it, by its id or as the one that the job is on', async () => {
    const { find } = world.artifactPort
    const id = await site('found')
    const ref = formatId('Artifact', id)
    const bob = { ownerId: (await signUp(world.database, 'bob')).principalId, artifactId: id }
    const admin = { ownerId: (await signUp(world.database, 'root', { isAdmin: true })).principalId, artifactId: id }
    expect(await find(owner(), ref)).toBe(id)
    expect(await find(owner(id), null)).toBe(id)
    expect(await find(owner(), null)).toBeNull()
    for (const other of [bob, admin]) expect([await find(other, ref), await find(other, null)]).toEqual([null, null])
    for (const none of ['', 'found', id, formatId('Artifact', newId()), formatId('Job', id)]) {
      expect(await find(owner(id), none), none).toBeNull()
    }
    await world.artifacts.remove(world.alice, id)
    expect([await find(owner(), ref), await find(owner(id), null)]).toEqual([null, null])
  })

  it('has versions by number, the newest, and the one that was live before', async () => {
    const { versionOf } = world.artifactPort
    const id = (await world.artifacts.publish(world.alice, page('versions'))).id
    expect(await versionOf(id, 'PREVIOUS')).toBeNull()
    for (const deploy of [true, false]) await world.artifacts.publish(world.alice, page('versions', '', { deploy }))
    const all = async () => [await versionOf(id, 2), await versionOf(id, 'LATEST'), await versionOf(id, 'PREVIOUS')]
    expect(await all()).toEqual([2, 3, 1])
    await roll(id, 2)
    expect(await versionOf(id, 'PREVIOUS')).toBe(1)
    await world.artifacts.deleteVersion(world.alice, { artifactId: id, versionNo: 1 })
    expect(await versionOf(id, 'PREVIOUS')).toBeNull()
    await world.artifacts.deleteVersion(world.alice, { artifactId: id, versionNo: 3 })
    expect(await versionOf(id, 'LATEST')).toBe(2)
    expect(await versionOf(newId(), 'LATEST')).toBeNull()
  })

  it('shows the page at the root of its live version, up to 5 MiB', async () => {
    const files = (content: string) => [
      { path: 'index.html', content },
      { path: 'other.html', content: 'other' },
    ]
    const publish = (more: object) =>
      world.artifacts.publish(world.alice, page('paged', '', { name: 'Paged', ...more }))
    const { id } = await publish({ files: files('<p>ü</p>') })
    const shown = { name: 'Paged', path: 'index.html', mime: 'text/html', content: Buffer.from('<p>ü</p>') }
    expect(await world.artifactPort.page(id)).toEqual(shown)
    await publish({ files: files('later'), deploy: false })
    expect(await world.artifactPort.page(id)).toEqual(shown)
    await publish({ files: files(''), entrypoint: 'other.html' })
    expect(await world.artifactPort.page(id)).toMatchObject({ path: 'other.html', content: Buffer.from('other') })
    await publish({ files: files('x'.repeat(5 * 1024 * 1024)) })
    expect((await world.artifactPort.page(id))?.content).toHaveLength(5 * 1024 * 1024)
    await publish({ files: files('x'.repeat(5 * 1024 * 1024 + 1)) })
    expect(await world.artifactPort.page(id)).toBeNull()
    await publish({ files: files('') })
    expect((await world.artifactPort.page(id))?.content).toHaveLength(0)
    await world.artifacts.remove(world.alice, id)
    expect(await world.artifactPort.page(id)).toBeNull()
  })
})
