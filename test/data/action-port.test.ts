import { describe, expect, test } from 'vitest'
import type { Row } from '../../src/actions/ports.ts'
import { formatId, newId } from '../../src/kernel/ids.ts'
import { batches, numbered, options, useWorld, type World } from './port-world.ts'

let world: World
useWorld((made) => {
  world = made
})

const idOf = ({ id }: { id: string }) => formatId('Dataset', id)

async function readAll(source: AsyncIterable<Row[]>): Promise<Row[]> {
  const rows: Row[] = []
  for await (const batch of source) rows.push(...batch)
  return rows
}

describe('a dataset is found', () => {
  test('by its id, by its name on the artifact, and by its slug among those of no artifact', async () => {
    const { datasets, alice } = world
    const onSite = { ...alice, artifactId: await world.artifact(alice.ownerId) }
    const own = await datasets.ensure(alice, 'Daily Sales')
    const ofSite = await datasets.ensure(onSite, 'Daily Sales')
    expect(ofSite.id).not.toBe(own.id)
    for (const right of ['read', 'write'] as const) {
      expect(await datasets.find(alice, idOf(own), right)).toEqual(own)
      expect(await datasets.find(alice, idOf(ofSite), right)).toEqual(ofSite)
      expect(await datasets.find(onSite, 'Daily Sales', right)).toEqual(ofSite)
      expect(await datasets.find(onSite, 'daily-sales', right)).toEqual(own)
      expect(await datasets.find(alice, 'daily-sales', right)).toEqual(own)
      expect(await datasets.find(alice, 'Daily Sales', right)).toBe(null)
      expect(await datasets.find(alice, 'no such', right)).toBe(null)
      expect(await datasets.find(alice, idOf({ id: newId() }), right)).toBe(null)
    }
  })

  test('by those who own it, or its artifact, and by nobody else', async () => {
    const { datasets, alice, prisma } = world
    const bob = await world.person('bob')
    const admin = await world.person('root')
    await prisma.principal.update({ where: { id: admin.ownerId }, data: { isAdmin: true } })
    const artifactId = await world.artifact(alice.ownerId)
    const own = await datasets.ensure(alice, 'mine')
    const ofSite = await datasets.ensure({ ...alice, artifactId }, 'mine')
    for (const { ownerId } of [bob, admin]) {
      expect(await datasets.find({ ownerId, artifactId: null }, idOf(own), 'read')).toBe(null)
      expect(await datasets.find({ ownerId, artifactId: null }, 'mine', 'read')).toBe(null)
      expect(await datasets.find({ ownerId, artifactId }, idOf(ofSite), 'read')).toBe(null)
      expect(await datasets.find({ ownerId, artifactId }, 'mine', 'write')).toBe(null)
    }
    await prisma.dataset.update({ where: { id: ofSite.id }, data: { ownerId: bob.ownerId } })
    expect(await datasets.find(bob, idOf(ofSite), 'write')).toEqual(ofSite)
    expect(await datasets.find({ ...alice, artifactId }, 'mine', 'write')).toEqual(ofSite)
  })

  test('no more when its artifact is deleted', async () => {
    const { datasets, alice, prisma } = world
    const subject = { ...alice, artifactId: await world.artifact(alice.ownerId) }
    const dataset = await datasets.ensure(subject, 'gone')
    await prisma.artifact.update({ where: { id: subject.artifactId }, data: { deletedAt: new Date() } })
    expect(await datasets.find(subject, 'gone', 'read')).toBe(null)
    expect(await datasets.find(alice, idOf(dataset), 'read')).toBe(null)
    await expect(datasets.ensure(subject, 'other')).rejects.toMatchObject({ code: 'ARTIFACT_GONE' })
  })
})

describe('a dataset is made', () => {
  test('if there is none of that name, once, however many want it at the same time', async () => {
    const { datasets, alice, prisma } = world
    for (const artifactId of [null, await world.artifact(alice.ownerId)]) {
      const subject = { ...alice, artifactId }
      const made = await Promise.all(Array.from({ length: 10 }, () => datasets.ensure(subject, 'Wanted')))
      expect(new Set(made.map(({ id }) => id)).size).toBe(1)
      const [{ id } = { id: '' }] = made
      expect(await prisma.dataset.findUnique({ where: { id } })).toMatchObject({
        ...{ name: 'Wanted', artifactId, ownerId: alice.ownerId, createdById: alice.ownerId, rowCount: 0 },
      })
    }
  })

  test('with a slug of its own where another has taken it', async () => {
    const { datasets, prisma } = world
    const carol = await world.person('carol')
    const names = ['Sales!', 'sales', 'SALES', 'Продажи', '売上']
    const made = await Promise.all(names.map((name) => datasets.ensure(carol, name)))
    expect(new Set(made.map(({ id }) => id)).size).toBe(names.length)
    const slugs = await prisma.dataset.findMany({ where: { ownerId: carol.ownerId }, select: { slug: true } })
    expect(slugs.map(({ slug }) => slug)).toEqual(expect.arrayContaining(['sales', 'sales-2', 'sales-3']))
    for (const [index, name] of names.entries()) expect(await datasets.ensure(carol, name)).toEqual(made[index])
  })

  test('on an artifact of the owner only', async () => {
    const { datasets, alice } = world
    const dave = await world.person('dave')
    const subject = { ...dave, artifactId: await world.artifact(alice.ownerId) }
    await expect(datasets.ensure(subject, 'theirs')).rejects.toMatchObject({
      name: 'EffectError',
      code: 'ARTIFACT_GONE',
    })
  })
})

describe('a dataset is read', () => {
  test('whole and in order, as it was at one instant', async () => {
    const rows = numbered(3_500)
    const dataset = await world.dataset(rows)
    const reading = world.datasets.read(dataset)[Symbol.asyncIterator]()
    const first = await reading.next()
    await world.datasets.load(dataset, batches([{ new: true }]), options({ mode: 'REPLACE' }))
    const rest = await readAll({ [Symbol.asyncIterator]: () => reading })
    expect([...(first.value ?? []), ...rest]).toEqual(rows)
    expect(await readAll(world.datasets.read(dataset))).toEqual([{ new: true }])
  })

  test('and let go when the reader leaves', async () => {
    const dataset = await world.dataset(numbered(2_500))
    for await (const batch of world.datasets.read(dataset)) {
      expect(batch).toHaveLength(1_000)
      break
    }
    await expect.poll(async () => (await world.bulkSessions()).length).toBe(0)
  })

  test('to be copied, by more at once than there are connections, also into itself', async () => {
    const { datasets } = world
    const source = await world.dataset(numbered(2_500))
    const targets = await Promise.all(Array.from({ length: 10 }, () => world.dataset()))
    await Promise.all(targets.map((target) => datasets.load(target, datasets.read(source), options())))
    for (const target of targets) expect(await world.rowCount(target)).toBe(2_500)
    expect(await datasets.load(source, datasets.read(source), options())).toEqual({ rows: 2_500 })
    expect(await world.rowsOf(source)).toEqual([...numbered(2_500), ...numbered(2_500)])
  })
})

describe('snapshots', () => {
  test('are taken once an effect, and let go but for the newest', async () => {
    const { datasets, prisma } = world
    const dataset = await world.dataset(numbered(3))
    const effect = await world.effect()
    const first = await datasets.snapshot(dataset, { effect })
    expect(first).toEqual({ id: expect.stringMatching(/^snp_[0-9a-f]{32}$/), rows: 3 })
    await datasets.load(dataset, batches([{ more: 1 }]), options())
    expect(await datasets.snapshot(dataset, { effect })).toEqual(first)
    const second = await datasets.snapshot(dataset, { effect: null })
    expect(second).toMatchObject({ rows: 4 })
    expect(await datasets.prune(dataset, 1)).toBe(1)
    const left = await prisma.datasetSnapshot.findMany({ where: { datasetId: dataset.id } })
    expect(left.map(({ id }) => formatId('DatasetSnapshot', id))).toEqual([second.id])
    expect(await datasets.prune(dataset, 0)).toBe(1)
    expect(await datasets.prune(dataset, 0)).toBe(0)
  })

  test('of a dataset that is gone are an error', async () => {
    const dataset = await world.dataset()
    await world.prisma.dataset.delete({ where: dataset })
    await expect(world.datasets.snapshot(dataset, { effect: null })).rejects.toMatchObject({ code: 'DATASET_GONE' })
    expect(await world.datasets.prune(dataset, 0)).toBe(0)
  })
})
