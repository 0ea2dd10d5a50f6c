/** What is found when an action is made, and what readers of a job are shown. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { createActionRegistry } from '../../../src/actions/registry.ts'
import { createEgress } from '../../../src/egress/egress.ts'
import { ValidationError } from '../../../src/kernel/errors.ts'
import { formatId, newId } from '../../../src/kernel/ids.ts'
import { useWorld, type World } from '../../data/port-world.ts'
import { createTestPorts } from '../ports.ts'

let world: World
useWorld((made) => {
  world = made
})

function open() {
  const egress = createEgress({ allowCidrs: [], httpsOnly: false })
  onTestFinished(() => egress.close())
  return createActionRegistry({ ...createTestPorts(), egress, version: '0', datasets: world.datasets })
}

async function issuesOf(kind: string, config: object, subject = world.alice) {
  try {
    await open().parse(kind, config, { subject })
  } catch (error) {
    if (error instanceof ValidationError) return error.issues
    throw error
  }
  return []
}

const url = 'https://example.com/rows.csv'
const target = { name: 'Rows' }

describe('a materialize action', () => {
  test('is taken with its defaults, and with null for what is absent', async () => {
    const source = { url, headers: null, format: null, path: null, delimiter: null, types: null, dataset: null }
    const config = { source, target: { ...target, dataset: null } }
    expect(await open().parse('materialize', config, { subject: world.alice })).toMatchObject({ mode: 'REPLACE' })
  })

  test.each([
    [{}, 'source', 'must have exactly one of url and dataset'],
    [{ url, dataset: 'x' }, 'source', 'must have exactly one of url and dataset'],
    [{ url: 'ftp://example.com/' }, 'source.url', 'must be an http or https URL'],
    [{ url: 'http://10.0.0.1/' }, 'source.url', '10.0.0.1 is not at a public address'],
    [{ url: 'https://{{ input.host }}/' }, 'source.url', expect.any(String)],
    [{ url: `${url}?{{ nope }}` }, 'source.url', expect.stringContaining('a template begins with one of')],
    [{ url, headers: { 'x-a': '{{ steps.first.id }}' } }, 'source.headers.x-a', expect.stringContaining('"first"')],
    [{ url, headers: { host: 'x' } }, 'source.headers.host', 'may not be set'],
    [{ url, format: 'XML' }, 'source.format', expect.any(String)],
    [{ url, path: 'a..b' }, 'source.path', 'must be keys separated by dots, such as data.items'],
    [{ url, path: 'a.*' }, 'source.path', 'must be keys separated by dots, such as data.items'],
    [{ url, path: 'a', format: 'CSV' }, 'source.path', 'is for JSON only'],
    [{ url, types: true, format: 'NDJSON' }, 'source.types', 'is for CSV only'],
    [{ url, delimiter: 'TAB', format: 'JSON' }, 'source.delimiter', 'is for CSV only'],
    [{ dataset: 'x', format: 'CSV' }, 'source.format', 'is for a url, not for a dataset'],
    [{ dataset: 'no such' }, 'source.dataset', 'there is no dataset "no such" that the owner of the job may use'],
    [{ dataset: 'x\0' }, 'source.dataset', 'must not hold a NUL character'],
  ])('with the source %j is refused', async (source, path, message) => {
    expect((await issuesOf('materialize', { source, target }))[0]).toEqual({ path, message })
  })

  test.each([
    [{}, 'target', 'must have exactly one of dataset and name'],
    [{ name: 'a', dataset: 'b' }, 'target', 'must have exactly one of dataset and name'],
    [{ name: ' a' }, 'target.name', 'must have no space at its ends, and no control characters'],
    [{ name: '' }, 'target.name', expect.any(String)],
    [{ name: 'a\nb' }, 'target.name', 'must have no space at its ends, and no control characters'],
    [{ name: 'a'.repeat(201) }, 'target.name', 'must have at most 200 characters'],
    [{ dataset: 'no such' }, 'target.dataset', 'there is no dataset "no such" that the owner of the job may use'],
  ])('with the target %j is refused', async (target, path, message) => {
    expect(await issuesOf('materialize', { source: { url }, target })).toEqual([{ path, message }])
  })

  test('that would put a dataset in its own place is refused, however it is named', async () => {
    const artifactId = await world.artifact(world.alice.ownerId)
    for (const subject of [world.alice, { ...world.alice, artifactId }]) {
      const name = `self-${newId()}`
      const dataset = formatId('Dataset', (await world.dataset([], subject, name)).id)
      const issue = { path: 'target', message: 'is the source itself: that would change nothing' }
      for (const target of [{ dataset }, { name }]) {
        const config = { source: { dataset }, target }
        expect(await issuesOf('materialize', config, subject)).toEqual([issue])
        expect(await issuesOf('materialize', { ...config, mode: 'APPEND' }, subject)).toEqual([])
      }
      expect(await issuesOf('materialize', { source: { dataset }, target: { name: 'other' } }, subject)).toEqual([])
    }
  })

  test('of somebody else’s dataset is refused', async () => {
    const dataset = formatId('Dataset', (await world.dataset()).id)
    const bob = await world.person('bob')
    expect(await issuesOf('materialize', { source: { dataset }, target }, bob)).toMatchObject([
      { path: 'source.dataset' },
    ])
    const config = { source: { url }, target: { dataset } }
    expect(await issuesOf('materialize', config, bob)).toMatchObject([{ path: 'target.dataset' }])
  })

  test('is shown to readers without what is secret in it', async () => {
    const source = { url: `${url}?token=abc&day=1`, headers: { Authorization: 'Bearer abc', 'x-a': 'b' } }
    const config = await open().parse('materialize', { source, target }, { subject: world.alice })
    expect(open().redact('materialize', config)).toEqual({
      ...{ source: { url: `${url}?token=•••&day=1`, headers: { Authorization: '•••', 'x-a': 'b' } }, target },
      mode: 'REPLACE',
    })
  })
})

describe.each([
  ['snapshot', {}],
  ['snapshotCleanup', { keep: 1 }],
])('a %s action', (kind, more) => {
  test('names datasets that are there, each once', async () => {
    const dataset = await world.dataset([], world.alice, `named-${newId()}`)
    const ref = formatId('Dataset', dataset.id)
    const issues = (datasets: unknown) => issuesOf(kind, { datasets, ...more })
    expect(await issues([ref])).toEqual([])
    expect(await issues([dataset.name])).toEqual([])
    expect(await issues([ref, dataset.name])).toEqual([{ path: 'datasets.1', message: 'is named twice' }])
    expect(await issues([ref, 'no such'])).toEqual([
      { path: 'datasets.1', message: 'there is no dataset "no such" that the owner of the job may use' },
    ])
    expect(await issues([])).toEqual([{ path: 'datasets', message: 'must name at least one' }])
    expect(await issues(Array.from({ length: 21 }, () => ref))).toEqual([
      { path: 'datasets', message: 'must be at most 20' },
    ])
    expect(await issuesOf(kind, { datasets: [ref], ...more }, await world.person(`p-${newId()}`))).toHaveLength(1)
  })
})

test('a snapshotCleanup keeps none, or some', async () => {
  const datasets = [formatId('Dataset', (await world.dataset()).id)]
  expect(await issuesOf('snapshotCleanup', { datasets, keep: 0 })).toEqual([])
  for (const keep of [-1, 1.5, null]) {
    expect(await issuesOf('snapshotCleanup', { datasets, keep })).toMatchObject([{ path: 'keep' }])
  }
})
