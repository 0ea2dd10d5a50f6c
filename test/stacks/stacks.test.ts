/** Stacks by themselves: making, reading, changing and deleting them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../generated/index.ts'
import { only } from '../runs/operations.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { countRows, makeStack, NOWHERE, type Person, signUp } from '../support/people.ts'
import { stackActions } from './operations.ts'

const LIST = graphql(`
  query StacksBy($filter: StackFilter, $orderBy: ListOrder, $first: Int, $after: String) {
    stacks(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
      totalCount
      pageInfo { hasNextPage endCursor }
      edges { node { name } }
    }
  }
`)

let app: TestApp
let alice: Person
let bob: Person
let api: ReturnType<typeof stackActions>

beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
  bob = await signUp(app, 'bob')
  api = stackActions(app, alice.token)
})
afterAll(() => app?.stop())

const create = async (input: object = {}) =>
  only(await api.create({ name: 'x', actions: [NOWHERE], ...input }), 'Stack')
const step = (path: string, name?: string) => ({
  webhook: { url: `http://127.0.0.1:9/${path}`, ...(name !== undefined && { name }) },
})
const gone = { __typename: 'NotFoundError', code: 'NOT_FOUND' }

describe('a stack', () => {
  it('is made with its steps, and is found by its id', async () => {
    const stack = await create({ name: '  Nightly ', description: 'd', actions: [step('a', 'first'), step('b')] })
    expect(stack).toMatchObject({
      ...{ id: expect.stringMatching(/^stk_[0-9a-f]{32}$/), number: expect.any(Number), version: 1 },
      ...{ name: 'Nightly', description: 'd', owner: { handle: 'alice' } },
      actions: [
        { position: 0, kind: 'webhook', name: 'first', config: { url: 'http://127.0.0.1:9/a' } },
        { position: 1, kind: 'webhook', name: 'webhook', config: { url: 'http://127.0.0.1:9/b' } },
      ],
      jobs: { totalCount: 0, edges: [] },
      runs: { totalCount: 0, edges: [] },
    })
    expect(await api.stack(stack.id)).toEqual({ ...stack, __typename: undefined })
  })

  it.each([
    ['no name', { name: ' ' }, 'name'],
    ['a name that is too long', { name: 'x'.repeat(201) }, 'name'],
    ['a NUL in the name', { name: 'a\0' }, 'name'],
    ['a long description', { description: 'x'.repeat(1_001) }, 'description'],
    ['no actions', { actions: [] }, 'actions'],
    ['51 actions', { actions: Array.from({ length: 51 }, () => NOWHERE) }, 'actions'],
    ['a URL that is none', { actions: [NOWHERE, { webhook: { url: '/x' } }] }, 'actions.1.webhook.url'],
    ['two steps of one name', { actions: [step('a', 'b'), step('b', 'b')] }, 'actions.1.webhook.name'],
  ])('with %s is none: nothing is written', async (_flaw, input, path) => {
    const { id } = await create()
    const [stack, rows] = [await api.stack(id), await countRows(app)]
    const refused = { __typename: 'ValidationError', issues: [{ path, message: expect.stringMatching(/\S/) }] }
    expect(await api.create({ name: 'x', actions: [NOWHERE], ...input })).toMatchObject(refused)
    expect(await api.update({ stackId: id, name: 'half', actions: [NOWHERE, NOWHERE], ...input })).toMatchObject(
      refused,
    )
    expect(await countRows(app)).toEqual(rows)
    expect(await api.stack(id)).toEqual(stack)
  })

  it('must be able to work by itself: a step that needs the artifact of a job is none of it', async () => {
    expect(await api.create({ name: 'x', actions: [{ publish: {} }] })).toMatchObject({
      issues: [{ path: 'actions.0.publish.artifactId', message: 'must be given: the job is on no artifact' }],
    })
  })

  it('is changed as far as the change says', async () => {
    const before = await create({ name: 'one', description: 'd', actions: [step('a')] })
    const { id: stackId } = before
    expect(await api.update({ stackId })).toEqual({ ...before, version: 2 })
    expect(await api.update({ stackId, name: 'two' })).toEqual({ ...before, name: 'two', version: 3 })
    expect(await api.update({ stackId, description: null })).toMatchObject({ name: 'two', description: null })
    const steps = [step('b', 'new'), step('c')]
    expect(await api.update({ stackId, actions: steps })).toMatchObject({
      ...{ name: 'two', version: 5 },
      actions: [
        { position: 0, name: 'new' },
        { position: 1, name: 'webhook' },
      ],
    })
    for (const [field, path] of [
      [{ name: null }, 'name'],
      [{ actions: null }, 'actions'],
    ] as const) {
      expect(await api.update({ stackId, ...field })).toMatchObject({ issues: [{ path }] })
    }
    expect(await api.stack(stackId)).toMatchObject({ name: 'two', version: 5, actions: { length: 2 } })
  })

  it('is not changed by whoever has not seen the newest version', async () => {
    const { id: stackId } = await create()
    const names = ['a', 'b', 'c', 'd']
    const answers = await Promise.all(names.map((name) => api.update({ stackId, name, version: 1 })))
    expect(answers.filter(({ __typename }) => __typename === 'Stack')).toHaveLength(1)
    const late = answers.filter(({ __typename }) => __typename !== 'Stack')
    expect(late).toEqual(names.slice(1).map(() => expect.objectContaining({ code: 'VERSION' })))
    expect(await api.stack(stackId)).toMatchObject({ version: 2 })
    await Promise.all(
      [1, 2, 3].map((n) => api.update({ stackId, ...(n === 1 ? { name: 'n' } : { actions: [NOWHERE] }) })),
    )
    expect(await api.stack(stackId)).toMatchObject({ name: 'n', version: 5, actions: { length: 1 } })
  })

  it('is gone when it is deleted, with its steps; its job goes as deleted jobs do', async () => {
    const before = await countRows(app)
    const stack = await create({ name: 'doomed' })
    expect(await api.remove(stack.id)).toMatchObject({ __typename: 'Stack', id: stack.id, name: 'doomed', actions: [] })
    expect(await api.stack(stack.id)).toBeNull()
    expect(await api.remove(stack.id)).toMatchObject(gone)
    expect(await countRows(app)).toEqual({
      ...before,
      ...{ job: Number(before.job) + 1, signing_secret: Number(before.signing_secret) + 1 },
    })
  })

  it('of others is not there; an administrator may change it', async () => {
    const { id: stackId } = await create({ name: 'mine' })
    const before = await api.stack(stackId)
    const his = stackActions(app, bob.token)
    expect(await his.stack(stackId)).toBeNull()
    for (const answer of [await his.update({ stackId }), await his.remove(stackId), await his.run({ stackId })]) {
      expect(answer).toMatchObject(gone)
    }
    expect(await api.stack(stackId)).toEqual(before)
    expect(await stackActions(app).update({ stackId, name: 'an administrator’s' })).toMatchObject({
      ...{ version: 2, owner: { handle: 'alice' } },
    })
  })

  it.each(['', 'stk_', `stk_${'0'.repeat(32)}`, `job_${'0'.repeat(32)}`])('is not found by %j', async (stackId) => {
    expect(await api.stack(stackId)).toBeNull()
    for (const answer of [await api.update({ stackId }), await api.remove(stackId), await api.run({ stackId })]) {
      expect(answer).toMatchObject(gone)
    }
  })
})

describe('the list of stacks', () => {
  const list = async (variables: object, token = carol.token) => {
    const { stacks } = (await app.send(LIST, variables, { token })).data
    return { ...stacks, names: stacks.edges.map(({ node }) => node.name) }
  }
  let carol: Person
  beforeAll(async () => {
    carol = await signUp(app, 'carol')
    for (const name of ['Nightly', 'Weekly', '100% safe']) {
      await makeStack(app, carol.token, { name, description: `${name} chores` })
    }
    await makeStack(app, bob.token, { name: 'Nightly of bob' })
  })

  it('has one’s own, the newest first, page by page', async () => {
    expect(await list({})).toMatchObject({ totalCount: 3, names: ['100% safe', 'Weekly', 'Nightly'] })
    const first = await list({ orderBy: 'OLDEST', first: 2 })
    expect(first).toMatchObject({ names: ['Nightly', 'Weekly'], pageInfo: { hasNextPage: true } })
    const after = first.pageInfo.endCursor
    expect(await list({ orderBy: 'OLDEST', first: 2, after })).toMatchObject({
      ...{ names: ['100% safe'], pageInfo: { hasNextPage: false } },
    })
  })

  it('can be searched, and shows administrators those of everybody', async () => {
    expect((await list({ filter: { search: 'nIGHT' } })).names).toEqual(['Nightly'])
    expect((await list({ filter: { search: '0% s' } })).names).toEqual(['100% safe'])
    expect((await list({ filter: { search: 'weekly CHORES' } })).names).toEqual(['Weekly'])
    expect((await list({ filter: { search: '_' } })).names).toEqual([])
    expect((await list({ filter: { search: 'night' } }, ADMIN_TOKEN)).names).toContain('Nightly of bob')
    expect((await list({ filter: { ownerHandle: 'bob' } }, ADMIN_TOKEN)).names).toEqual(['Nightly of bob'])
    expect((await list({ filter: { ownerHandle: 'bob' } })).names).toEqual([])
    const { errors } = await app.send(LIST, { filter: { search: 'a\0' } }, { token: carol.token })
    expect(errors).toMatchObject([{ extensions: { code: 'VALIDATION', issues: [{ path: 'filter.search' }] } }])
  })
})
