/** Two people change the same thing: whoever has not seen the newest version of it changes nothing. */
import { getNamedType, getNullableType, isInputObjectType, isObjectType, isUnionType } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { schema } from '../../src/graphql/schema.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { countRows, makeJob, makeStack, NOWHERE, type Person, post, publishSite, signUp } from '../support/people.ts'

let app: TestApp
let ann: Person

beforeAll(async () => {
  app = await createTestApp({ ROLE: 'api' })
  ann = await signUp(app, 'ann')
})
afterAll(() => app?.stop())

const mutate = async (mutation: string, input: object, select: string) => {
  const name = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}`
  const text = `mutation ($input: ${name}Input!) { answer: ${mutation}(input: $input) { ${select} ... on Error { code } } }`
  const { body } = await post(app, { query: text, variables: { input } }, ann.token)
  return body.data.answer as { id?: string; name?: string; version?: number; code?: string }
}

let made = 0

/** How each thing is made, and the field that its update names it by. */
const THINGS: Record<string, { update: string; field: string; make: () => Promise<string | undefined> }> = {
  Artifact: {
    update: 'updateArtifact',
    field: 'artifactId',
    make: async () => (await publishSite(app, 'site', ann.token)).id,
  },
  Dataset: {
    update: 'updateDataset',
    field: 'datasetId',
    make: async () => (await mutate('createDataset', { name: `set ${++made}` }, '... on Dataset { id }')).id,
  },
  Job: { update: 'updateJob', field: 'jobId', make: async () => (await makeJob(app, ann.token)).id },
  Schedule: {
    update: 'updateSchedule',
    field: 'scheduleId',
    make: async () =>
      (await mutate('createSchedule', { schedule: { every: { seconds: 60 } } }, '... on Schedule { id }')).id,
  },
  Stack: { update: 'updateStack', field: 'stackId', make: async () => (await makeStack(app, ann.token)).id },
}

/** What a mutation answers when nothing is wrong. */
const answerOf = (type: unknown) => {
  const union = getNullableType(type as never)
  const types = isUnionType(union) ? union.getTypes() : []
  return types.find(({ name }) => !name.endsWith('Error'))
}

it('is asked of every update of a thing that has a version', () => {
  const updates = Object.values(schema.getMutationType()?.getFields() ?? {}).filter(({ name }) => /^update/.test(name))
  const versioned = updates.flatMap(({ name, type, args }) => {
    const answer = answerOf(type)
    const input = getNamedType(args[0]?.type)
    const takes = isInputObjectType(input) && 'version' in input.getFields()
    expect(takes, name).toBe(isObjectType(answer) && 'version' in answer.getFields())
    return takes ? [name] : []
  })
  expect(versioned.sort()).toEqual(Object.values(THINGS).map(({ update }) => update))
})

describe.each(Object.entries(THINGS))('%s', (type, { update, field, make }) => {
  const select = `... on ${type} { id name version }`

  it('is changed by whoever has seen the newest version, and by no one else', async () => {
    const id = await make()
    const first = await mutate(update, { [field]: id, name: 'first' }, select)
    expect(first).toMatchObject({ id, name: 'first', version: expect.any(Number) })
    const before = await countRows(app)
    const late = await mutate(update, { [field]: id, name: 'late', version: (first.version ?? 0) - 1 }, select)
    expect(late).toEqual({ code: 'VERSION' })
    expect(await mutate(update, { [field]: id, name: 'early', version: (first.version ?? 0) + 1 }, select)).toEqual(
      late,
    )
    expect(await countRows(app)).toEqual(before)
    const next = await mutate(update, { [field]: id, name: 'next', version: first.version }, select)
    expect(next).toEqual({ id, name: 'next', version: (first.version ?? 0) + 1 })
    // Without a version whoever comes last wins.
    expect(await mutate(update, { [field]: id, name: 'last', version: null }, select)).toMatchObject({ name: 'last' })
  })

  it('is changed by exactly one of those who have seen the same version', async () => {
    const id = await make()
    const { version } = await mutate(update, { [field]: id, name: 'before' }, select)
    const names = ['one', 'two', 'three', 'four']
    const answers = await Promise.all(names.map((name) => mutate(update, { [field]: id, name, version }, select)))
    const winners = answers.filter(({ code }) => code === undefined)
    expect(winners).toEqual([{ id, name: expect.any(String), version: (version ?? 0) + 1 }])
    expect(answers.filter((answer) => !winners.includes(answer))).toEqual(Array(3).fill({ code: 'VERSION' }))
    const now = await mutate(update, { [field]: id, version: winners[0]?.version }, select)
    expect(now).toMatchObject({ name: winners[0]?.name })
  })
})

it('rises with a publish, and with what is done to a dataset, but not with its rows', async () => {
  const { id } = await publishSite(app, 'rising', ann.token)
  const versionOf = async (text: string) => (await post(app, { query: text }, ann.token)).body.data
  const read = () => versionOf(`{ artifact(id: "${id}") { version } }`)
  expect(await read()).toEqual({ artifact: { version: 1 } })
  await publishSite(app, 'rising', ann.token)
  expect(await read()).toEqual({ artifact: { version: 2 } })
  const { id: datasetId } = await mutate('createDataset', { name: 'rows' }, '... on Dataset { id }')
  await mutate('insertRows', { datasetId, rows: [{ a: 1 }] }, '__typename')
  expect(await versionOf(`{ dataset(id: "${datasetId}") { version rowCount } }`)).toEqual({
    dataset: { version: 1, rowCount: 1 },
  })
})

it('of a job does not rise when it runs', async () => {
  const { id, version } = await makeJob(app, ann.token, { actions: [NOWHERE] })
  await mutate('runJob', { jobId: id }, '__typename')
  const { body } = await post(app, { query: `{ job(id: "${id}") { version runs { totalCount } } }` }, ann.token)
  expect(body.data.job).toEqual({ version, runs: { totalCount: 1 } })
})
