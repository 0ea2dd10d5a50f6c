import { describe, expect, test } from 'vitest'
import type { StepContext } from '../../../src/actions/driver.ts'
import { createSnapshotDriver } from '../../../src/actions/drivers/snapshot.ts'
import { createSnapshotCleanupDriver } from '../../../src/actions/drivers/snapshot-cleanup.ts'
import { formatId, newId } from '../../../src/kernel/ids.ts'
import { numbered, useWorld, type World } from '../../data/port-world.ts'
import { listener, stepContext } from '../context.ts'

let world: World
useWorld((made) => {
  world = made
})

const context = (part: Partial<StepContext> = {}) => stepContext({ subject: world.alice, ...part })
const take = (datasets: string[], part?: Partial<StepContext>) =>
  createSnapshotDriver(world).execute({ datasets }, context(part))
const clean = (datasets: string[], keep: number, part?: Partial<StepContext>) =>
  createSnapshotCleanupDriver(world).execute({ datasets, keep }, context(part))
const snapshotsOf = async ({ id }: { id: string }) =>
  (await world.prisma.datasetSnapshot.findMany({ where: { datasetId: id }, orderBy: { id: 'asc' } })).map(({ id }) =>
    formatId('DatasetSnapshot', id),
  )

describe('a snapshot', () => {
  test('is taken of each dataset, by its id or by its name', async () => {
    const one = await world.dataset(numbered(3), world.alice, newId())
    const two = await world.dataset(numbered(5))
    const result = await take([one.name, formatId('Dataset', two.id)])
    const [[first], [second]] = [await snapshotsOf(one), await snapshotsOf(two)]
    expect(result).toEqual({
      ok: true,
      output: {
        snapshots: [
          { dataset: formatId('Dataset', one.id), id: first, rows: 3 },
          { dataset: formatId('Dataset', two.id), id: second, rows: 5 },
        ],
      },
      deliveries: [],
    })
  })

  test('of several says how many are taken', async () => {
    const refs = [await world.dataset(), await world.dataset()].map(({ id }) => formatId('Dataset', id))
    const { said, report } = listener()
    await take(refs, { report })
    await take(refs.slice(0, 1), { report })
    expect(said).toEqual([1, 2].map((done) => ({ done, total: 2, message: 'datasets kept' })))
  })

  test('is taken once, though the step is done over', async () => {
    const dataset = await world.dataset(numbered(3))
    const effect = await world.effect()
    const results = await Promise.all([1, 2, 3].map(() => take([formatId('Dataset', dataset.id)], { effect })))
    expect(await snapshotsOf(dataset)).toHaveLength(1)
    for (const result of results) expect(result).toEqual(results[0])
  })
})

test('a cleanup leaves the newest of each dataset', async () => {
  const datasets = [await world.dataset(numbered(1)), await world.dataset(), await world.dataset()]
  const refs = datasets.map(({ id }) => formatId('Dataset', id))
  for (let count = 0; count < 4; count++) await take(refs.slice(0, 2))
  const before = await Promise.all(datasets.map(snapshotsOf))
  expect(await clean(refs, 1)).toEqual({ ok: true, output: { deleted: 6 }, deliveries: [] })
  expect(await Promise.all(datasets.map(snapshotsOf))).toEqual(before.map((ids) => ids.slice(-1)))
  expect(await clean(refs, 0)).toMatchObject({ output: { deleted: 2 } })
  expect(await clean(refs, 0)).toMatchObject({ output: { deleted: 0 } })
})

test.each([
  ['a snapshot', take],
  ['a cleanup', (refs: string[], part?: Partial<StepContext>) => clean(refs, 0, part)],
])('%s of a dataset that is gone, or somebody else’s, is a failure that stays', async (_, run) => {
  const dataset = await world.dataset()
  const ref = formatId('Dataset', dataset.id)
  const failed = { ok: false, failure: { code: 'NO_SUCH_DATASET', transient: false }, deliveries: [] }
  expect(await run([ref], { subject: await world.person(newId()) })).toMatchObject(failed)
  await world.prisma.dataset.delete({ where: { id: dataset.id } })
  expect(await run([ref])).toMatchObject(failed)
})
