import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../../generated/index.ts'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { countRows, issueToken, makeStack, type Person, query, signUp } from '../../support/people.ts'
import { type RestOptions, rest } from '../../support/rest.ts'
import { withStatements } from '../../support/statements.ts'

const SEE_STACK = graphql(`
  query SeeKragleStack($filter: StackFilter) {
    stacks(filter: $filter) {
      edges { node { id number name surface webhook webhookMethod webhookUrl webhookToken actions { kind name config } } }
    }
  }
`)

const CHANGE_STACK = graphql(`
  mutation ChangeKragleStack($input: UpdateStackInput!) {
    updateStack(input: $input) {
      ... on Stack { webhook webhookMethod webhookUrl webhookToken }
      ... on Error { code message }
    }
  }
`)

let app: TestApp
let ann: Person
let bob: Person

beforeAll(async () => {
  app = await createTestApp()
  ann = await signUp(app, 'ann')
  bob = await signUp(app, 'bob')
})
afterAll(() => app?.stop())

const call = (route: string, options: RestOptions = {}) => rest(app, route, { token: ann.token, ...options })
const tell = (path = '', said?: object) => ['webhook', { url: `http://127.0.0.1:9/${path}` }, ...(said ? [said] : [])]

let made = 0
const make = async (more: object = {}, token = ann.token): Promise<number> => {
  made += 1
  const { status, body } = await call('POST /blockstacks', {
    body: { name: `stack ${made}`, blocks: [tell()], ...more },
    token,
  })
  expect([status, body]).toEqual([200, { id: expect.any(Number) }])
  return body.id
}
const read = async (id: number, token = ann.token) => (await call(`GET /blockstacks/byid/${id}`, { token })).body
const seen = async (id: number, token = ann.token) => {
  const { edges } = (await app.send(SEE_STACK, { filter: null }, { token })).data.stacks
  return edges.find(({ node }) => node.number === id)?.node
}
const numberOf = async ({ handle }: Person) =>
  (await query<{ number: number }>(app, 'select number from principal where handle = $1', [handle]))[0]?.number
const schedule = async () => (await call('POST /schedules', { body: { config: { period: 3600 } } })).body.id as number

describe('a stack', () => {
  it('is made of blocks, and is read by its id, by its name, and in a list, also below /api/v1', async () => {
    const blocks = [tell('a', { name: 'first', state: { seen: [1, null] } }), tell('b')]
    const id = await make({ name: 'Nightly / 2', blocks })
    const whole = await read(id)
    expect(whole).toEqual({
      ...{ id, owner: await numberOf(ann), name: 'Nightly / 2' },
      ...{ webhook: 'none', webhook_method: 'any', webhook_token: null },
      ...{ instances: [expect.any(Number), expect.any(Number)], jobs: [] },
      blocks: [
        [
          'webhook',
          expect.objectContaining({ url: 'http://127.0.0.1:9/a' }),
          { name: 'first', state: { seen: [1, null] } },
        ],
        ['webhook', expect.objectContaining({ url: 'http://127.0.0.1:9/b', method: 'POST' }), {}],
      ],
    })
    const name = encodeURIComponent('Nightly / 2')
    for (const path of [`byid/${id}`, `${id}`, `byname/${name}`, name]) {
      for (const base of ['', '/api/v1']) expect((await call(`GET ${base}/blockstacks/${path}`)).body).toEqual(whole)
    }
    const { blocks: _, ...shown } = whole
    expect((await call('GET /blockstacks')).body.stacks).toContainEqual(shown)
    expect(await seen(id)).toMatchObject({
      ...{ name: 'Nightly / 2', surface: 'KRAGLE', webhook: 'NONE', webhookUrl: null },
      actions: [
        { kind: 'webhook', name: 'first' },
        { kind: 'webhook', name: 'webhook' },
      ],
    })
  })

  it('that is called like an id, or like a word of the paths, is found where no other is meant', async () => {
    const first = await make()
    const digits = await make({ name: `${first}` })
    const words = await Promise.all(['byid', 'exec', '2147483648', '007'].map((name) => make({ name })))
    expect((await call(`GET /blockstacks/${first}`)).body.id).toBe(first)
    expect((await call(`GET /blockstacks/byname/${first}`)).body.id).toBe(digits)
    for (const [index, word] of ['byid', 'exec', '2147483648'].entries()) {
      expect((await call(`GET /blockstacks/${word}`)).body.id).toBe(words[index])
    }
    for (const path of ['byid/byid', 'byid/2147483648', 'byid/-1', 'byid/1e3', 'byname/nobody', '99999999999999']) {
      const { status, body } = await call(`GET /blockstacks/${path}`)
      expect([status, body]).toEqual([500, { code: 6, msg: expect.stringMatching(/\S/) }])
    }
  })

  it('made by GraphQL is seen, and changed, as one of blocks', async () => {
    const { id } = await makeStack(app, ann.token, { name: 'by hand' })
    const named = (await call('GET /blockstacks/by%20hand')).body
    expect(named.blocks).toEqual([['webhook', expect.objectContaining({ url: 'http://127.0.0.1:9/' }), {}]])
    expect((await call(`PUT /blockstacks/${named.id}`, { body: { name: 'by foot' } })).body.name).toBe('by foot')
    expect(await seen(named.id)).toMatchObject({ id, name: 'by foot', surface: 'GRAPHQL' })
  })

  it.each([
    ['no name', { name: undefined }, 4],
    ['an empty name', { name: ' ' }, 4],
    ['a long name', { name: 'x'.repeat(201) }, 4],
    ['a NUL in the name', { name: 'a\0' }, 4],
    ['a name that is none', { name: 7 }, 4],
    ['a key that nobody knows', { colour: 'red' }, 4],
    ['blocks that are none', { blocks: {} }, 4],
    ['no blocks', { blocks: [] }, 22],
    ['51 blocks', { blocks: Array.from({ length: 51 }, () => tell()) }, 22],
    ['a block that is no list', { blocks: [{ type: 'webhook' }] }, 22],
    ['a block without a conversion', { blocks: [['webhook']] }, 22],
    ['a block with a fourth part', { blocks: [[...tell('', {}), 1]] }, 22],
    ['a type that there is none of', { blocks: [tell(), ['teleport', {}]] }, 22],
    ['a type like a property of all objects', { blocks: [['constructor', {}]] }, 22],
    ['a conversion that is none', { blocks: [['webhook', 'x']] }, 22],
    ['something unknown said of a block', { blocks: [tell('', { colour: 'red' })] }, 22],
    ['a long name of a block', { blocks: [tell('', { name: 'x'.repeat(201) })] }, 22],
    ['a state that nobody can keep', { blocks: [tell('', { state: 'a\0' })] }, 22],
    ['a URL that is none', { blocks: [tell(), ['webhook', { url: '/x' }]] }, 23],
    ['no URL', { blocks: [['webhook', null]] }, 23],
    [
      'a field that its type does not have',
      { blocks: [['webhook', { url: 'http://127.0.0.1:9', colour: 'red' }]] },
      23,
    ],
    ['a step’s name in a conversion', { blocks: [['webhook', { url: 'http://127.0.0.1:9', name: 'x' }]] }, 23],
    ['a step that needs an artifact', { blocks: [['publish', {}]] }, 23],
    ['a webhook of no kind', { webhook: 'everybody' }, 4],
    ['a method of no kind', { webhook_method: 'PUT' }, 4],
  ])('with %s is none: nothing is written', async (_flaw, input, code) => {
    const id = await make()
    const [before, rows] = [await read(id), await countRows(app)]
    const refused = [500, { code, msg: expect.stringMatching(/\S/) }]
    const sent = await call('POST /blockstacks', { body: { name: 'half', blocks: [tell()], ...input } })
    expect([sent.status, sent.body]).toEqual(refused)
    if (!('name' in input && input.name === undefined)) {
      const put = await call(`PUT /blockstacks/${id}`, { body: { webhook: 'public', ...input } })
      expect([put.status, put.body]).toEqual(refused)
    }
    expect(await countRows(app)).toEqual(rows)
    expect(await read(id)).toEqual(before)
  })

  it('says which block is wrong, and where', async () => {
    const { body } = await call('POST /blockstacks', {
      body: { name: 'x', blocks: [tell(), ['webhook', { url: '/x' }]] },
    })
    expect(body).toEqual({ code: 23, msg: expect.stringMatching(/^blocks\.1\.url: /) })
  })

  it('lets a block call an earlier one by its name', async () => {
    const later = (from: string) => ['webhook', { url: `http://127.0.0.1:9/{{ steps.${from}.status }}` }]
    const blocks = [
      tell('', { name: 'fetch' }),
      later('fetch'),
      tell('', { name: 'fetch' }),
      tell('', { name: 'not a step' }),
    ]
    const id = await make({ blocks })
    expect((await seen(id))?.actions.map(({ name }) => name)).toEqual(['fetch', 'webhook', 'webhook-2', 'webhook-3'])
    expect((await read(id)).blocks.map(([, , said]: unknown[]) => said)).toEqual([
      ...[{ name: 'fetch' }, {}, { name: 'fetch' }, { name: 'not a step' }],
    ])
    const refused = await call('POST /blockstacks', { body: { name: 'x', blocks: [later('nobody')] } })
    expect(refused.body.code).toBe(23)
  })

  it('is changed as far as the change says, and answered whole', async () => {
    const id = await make({ name: 'before', blocks: [tell('a'), tell('b')] })
    const { blocks, ...before } = await read(id)
    expect((await call(`PUT /blockstacks/${id}`, { body: {} })).body).toEqual(before)
    expect((await call(`PUT /blockstacks/${id}`, { body: { name: 'after' } })).body).toEqual({
      ...before,
      name: 'after',
    })
    expect((await read(id)).blocks).toEqual(blocks)
    const changed = (await call(`PUT /blockstacks/${id}`, { body: { blocks: [tell('c')] } })).body
    expect(changed).toEqual({ ...before, name: 'after', instances: [expect.any(Number)] })
    expect(before.instances).not.toContain(changed.instances[0])
    // What was read may be sent again.
    const again = (await read(id)).blocks
    await call(`PUT /blockstacks/${id}`, { body: { blocks: again } })
    expect((await read(id)).blocks).toEqual(again)
  })

  it('has a name that no other of its owner has, also if they are made at once', async () => {
    const body = { name: 'only one', blocks: [tell()] }
    const rows = await countRows(app)
    const answers = await Promise.all(Array.from({ length: 10 }, () => call('POST /blockstacks', { body })))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    const late = answers.filter(({ status }) => status !== 200).map((each) => each.body)
    expect(late).toEqual(Array.from({ length: 9 }, () => ({ code: 10, msg: expect.stringContaining('name') })))
    expect((await countRows(app)).stack).toBe(Number(rows.stack) + 1)
    const other = await make()
    const taken = await call(`PUT /blockstacks/${other}`, { body: { name: 'only one', webhook: 'public' } })
    expect([taken.status, taken.body.code]).toEqual([500, 10])
    expect(await read(other)).toMatchObject({ webhook: 'none' })
    expect(await make(body, bob.token)).toEqual(expect.any(Number))
  })

  it('is gone when it is deleted, but not while jobs use it', async () => {
    const id = await make({ schedule_id: await schedule() })
    const [job] = (await read(id)).jobs
    const used = await call(`DELETE /blockstacks/${id}`)
    expect([used.status, used.body]).toEqual([500, { code: 4, msg: expect.stringContaining('jobs') }])
    expect((await call(`DELETE /jobs/${job}`)).body).toEqual({ deleted: job })
    expect((await call(`DELETE /blockstacks/${id}`)).body).toEqual({ deleted: id })
    expect((await call(`GET /blockstacks/${id}`)).body.code).toBe(6)
    expect((await call(`DELETE /blockstacks/${id}`)).body.code).toBe(6)
  })
})

describe('a first job', () => {
  it('is made with the stack, and sleeps unless it is told not to', async () => {
    const scheduleId = await schedule()
    for (const enabled of [undefined, true]) {
      const id = await make({ schedule_id: scheduleId, enabled })
      const { jobs } = await read(id)
      expect(jobs).toHaveLength(1)
      expect((await call(`GET /jobs/${jobs[0]}`)).body).toEqual({
        ...{ id: jobs[0], name: null, stack: id, schedule: scheduleId, do_run: enabled ?? false, do_del: false },
        next_run: enabled ? expect.any(Number) : null,
      })
    }
  })

  it('that cannot be made is none, and neither is the stack', async () => {
    const name = 'there already'
    await make({ name })
    const scheduleId = await schedule()
    const rows = await countRows(app)
    const failing: [object, number][] = [
      [{ schedule_id: 2 ** 31 }, 25],
      [{ schedule_id: 2_000_000_000 }, 25],
      [{ schedule_id: 'x' }, 4],
      [{ schedule_id: scheduleId, name }, 10],
      [{ schedule_id: scheduleId, blocks: [['webhook', {}]] }, 23],
      [{ schedule_id: scheduleId, enabled: 1 }, 4],
    ]
    for (const [more, code] of failing) {
      const { status, body } = await call('POST /blockstacks', { body: { name: 'half', blocks: [tell()], ...more } })
      expect([status, body.code, more]).toEqual([500, code, more])
    }
    expect(await countRows(app)).toEqual(rows)
  })
})

describe('the stacks of others', () => {
  it('are not there', async () => {
    const id = await make({ name: 'private', webhook: 'public' })
    const [before, rows] = [await read(id), await countRows(app)]
    const routes = ['GET byid/', 'GET ', 'PUT ', 'DELETE ', 'GET exec/'].map((each) =>
      each.replace(' ', ' /blockstacks/'),
    )
    for (const route of [...routes.map((each) => `${each}${id}`), 'GET /blockstacks/byname/private']) {
      const body = route.startsWith('PUT') ? { body: { name: 'mine' } } : {}
      const answer = await call(route, { token: bob.token, ...body })
      expect([route, answer.status, answer.body.code]).toEqual([route, 500, 6])
      const nobody = await call(route, { token: null, ...body })
      expect([route, nobody.status, nobody.body.code]).toEqual([route, 403, 3])
    }
    expect(JSON.stringify((await call('GET /blockstacks', { token: bob.token })).body)).not.toContain('private')
    expect(await countRows(app)).toEqual(rows)
    expect(await read(id)).toEqual(before)
  })

  it('and one’s own are nothing to a token that lacks the scope', async () => {
    const id = await make({
      webhook: 'token',
      blocks: [['webhook', { url: 'http://127.0.0.1:9/?key=abcdefgh' }, { state: 's' }]],
    })
    const { token: readOnly } = await issueToken(app, ann.token, { scopes: ['jobs:read'] })
    const { token: blind } = await issueToken(app, ann.token, { scopes: ['data:read'] })
    const rows = await countRows(app)
    const body = { name: 'x', blocks: [tell()] }
    const refused: [string, string, object][] = [
      [blind, 'GET /blockstacks', {}],
      [blind, `GET /blockstacks/${id}`, {}],
      [blind, 'GET /blockstacks/byname/x', {}],
      [readOnly, 'POST /blockstacks', { body }],
      [readOnly, `PUT /blockstacks/${id}`, { body }],
      [readOnly, `DELETE /blockstacks/${id}`, {}],
      [readOnly, `GET /blockstacks/exec/${id}`, {}],
    ]
    for (const [token, route, more] of refused) {
      const answer = await call(route, { token, ...more })
      expect([route, answer.status, answer.body]).toEqual([
        route,
        403,
        { code: 3, msg: expect.stringContaining('scope') },
      ])
    }
    expect(await countRows(app)).toEqual(rows)
    const shown = await read(id, readOnly)
    expect(shown).toMatchObject({ webhook_token: null, blocks: [['webhook', expect.anything(), {}]] })
    expect(JSON.stringify(shown)).not.toContain('abcdefgh')
    expect((await read(id)).blocks[0][1].url).toContain('abcdefgh')
  })
})

describe('the token of a stack', () => {
  it('is there while the stack wants one, is another each time, and is kept encrypted', async () => {
    const id = await make({ webhook: 'token', webhook_method: 'GET' })
    const { webhook_token: first, webhook_method: method } = await read(id)
    expect([first, method]).toEqual([expect.stringMatching(/^rsw_[\w-]{43}$/), 'GET'])
    const [row] = await query<{ kept: Buffer }>(app, 'select webhook_token as kept from stack where number = $1', [id])
    expect(row?.kept.toString('latin1')).not.toContain(first)
    const put = async (body: object) => (await call(`PUT /blockstacks/${id}`, { body })).body
    expect(await put({ webhook: 'token', webhook_method: null })).toMatchObject({
      webhook_token: first,
      webhook_method: 'any',
    })
    expect(await put({ webhook: 'user' })).toMatchObject({ webhook: 'user', webhook_token: null })
    const { webhook_token: second } = await put({ webhook: 'token' })
    expect(second).toMatch(/^rsw_/)
    expect(second).not.toBe(first)
    expect(await seen(id)).toMatchObject({
      webhook: 'TOKEN',
      webhookToken: second,
      webhookUrl: `${app.url}/blockstacks/hook/${id}`,
    })
  })

  it('is set and seen by GraphQL too, by those who may change the stack', async () => {
    const { id } = await makeStack(app, ann.token, { name: 'g', webhook: 'TOKEN', webhookMethod: 'POST' })
    const number = (await call('GET /blockstacks/byname/g')).body.id
    const token = (await seen(number))?.webhookToken
    expect((await read(number)).webhook_token).toBe(token)
    const { token: readOnly } = await issueToken(app, ann.token, { scopes: ['jobs:read'] })
    expect(await seen(number, readOnly)).toMatchObject({ webhook: 'TOKEN', webhookMethod: 'POST', webhookToken: null })
    const change = async (input: object) =>
      (await app.send(CHANGE_STACK, { input: { stackId: id, ...input } }, { token: ann.token })).data.updateStack
    expect(await change({ name: 'h' })).toMatchObject({ webhook: 'TOKEN', webhookToken: token })
    expect(await change({ webhook: null, webhookMethod: null })).toEqual({
      ...{ webhook: 'NONE', webhookMethod: null, webhookUrl: null, webhookToken: null },
    })
  })
})

describe('a list', () => {
  it('has pages of ten, the oldest first, and asks as many statements for a full one as for one', async () => {
    const carl = await signUp(app, 'carl')
    const counted = async (page: number) => {
      const { answer, statements } = await withStatements((headers) =>
        call(`GET /blockstacks?page=${page}`, { token: carl.token, headers }),
      )
      return { body: answer.body, statements: statements.length }
    }
    expect((await counted(1)).body).toEqual({ count: 0, pagesize: 10, page: 1, stacks: [] })
    const ids = [await make({}, carl.token)]
    const one = await counted(1)
    expect(one.statements).toBeGreaterThan(2)
    for (let n = 1; n < 12; n++) ids.push(await make({ schedule_id: await schedule() }, carl.token))
    const [first, second, third] = [await counted(1), await counted(2), await counted(3)]
    expect(first.statements).toBe(one.statements)
    expect(first.body).toMatchObject({ count: 12, pagesize: 10, page: 1 })
    const idsOf = (body: { stacks: { id: number }[] }) => body.stacks.map(({ id }) => id)
    expect([...idsOf(first.body), ...idsOf(second.body)]).toEqual(ids)
    expect(third.body).toEqual({ count: 12, pagesize: 10, page: 3, stacks: [] })
    for (const page of ['0', '-1', 'x', '1.5', '']) {
      const { status, body } = await call(`GET /blockstacks?page=${page}`)
      expect([page, status, body.code]).toEqual([page, 500, 1])
    }
  })
})
