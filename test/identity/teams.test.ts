/** Teams: who makes them, who is in them, and what their members have of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { countRows, makeJob, makeTeam, type Person, post, query, signUp } from '../support/people.ts'

let app: TestApp
let ann: Person
let bob: Person
let cid: Person
beforeAll(async () => {
  app = await createTestApp()
  ann = await signUp(app, 'ann')
  bob = await signUp(app, 'bob')
  cid = await signUp(app, 'cid')
})
afterAll(() => app?.stop())

const ask = async (text: string, token: string) => (await post(app, { query: text }, token)).body.data
const ANSWER =
  '{ __typename ... on Principal { handle members { role user { handle } } } ... on Error { code message } }'
const create = async (handle: string, token = ADMIN_TOKEN, admins: string[] = []) =>
  (
    await ask(
      `mutation { a: createTeam(input: { handle: "${handle}", admins: ${JSON.stringify(admins)} }) ${ANSWER} }`,
      token,
    )
  ).a
const put = async (team: string, member: string, role: string, token: string) =>
  (
    await ask(
      `mutation { a: setTeamMember(input: { team: "${team}", member: "${member}", role: ${role} }) ${ANSWER} }`,
      token,
    )
  ).a
const take = async (team: string, member: string, token: string) =>
  (await ask(`mutation { a: removeTeamMember(input: { team: "${team}", member: "${member}" }) ${ANSWER} }`, token)).a

describe('a team', () => {
  it('is made by administrators, with or without team: before its handle, which nobody else has', async () => {
    const members = [{ role: 'ADMIN', user: { handle: 'ann' } }]
    expect(await create('red', ADMIN_TOKEN, ['ann'])).toEqual({ __typename: 'Principal', handle: 'team:red', members })
    expect(await create('team:blue')).toMatchObject({ handle: 'team:blue', members: [] })
    const before = await countRows(app)
    expect(await create('team:red')).toMatchObject({ code: 'HANDLE_TAKEN' })
    expect(await create('green', ann.token)).toMatchObject({ __typename: 'ForbiddenError' })
    expect(await create('green', ADMIN_TOKEN, ['ann', 'nobody'])).toMatchObject({
      message: expect.stringMatching(/^admins\.1: /),
    })
    expect(await create('Team Green')).toMatchObject({ code: 'VALIDATION' })
    expect(await countRows(app)).toEqual(before)
  })

  it('is led by its admins: they let in and take out, and everybody may leave', async () => {
    await makeTeam(app, 'led', { ann: 'ADMIN' })
    expect(await put('led', 'bob', 'MEMBER', cid.token)).toMatchObject({ __typename: 'ForbiddenError' })
    expect((await put('led', 'bob', 'MEMBER', ann.token)).members).toHaveLength(2)
    expect(await put('team:led', 'cid', 'MEMBER', bob.token)).toMatchObject({ __typename: 'ForbiddenError' })
    expect((await put('team:led', 'cid', 'MEMBER', ann.token)).members).toHaveLength(3)
    expect(await take('led', 'cid', bob.token)).toMatchObject({ __typename: 'ForbiddenError' })
    expect((await take('led', 'cid', ann.token)).members).toHaveLength(2)
    expect(await take('led', 'cid', ann.token)).toMatchObject({ __typename: 'Principal' })
    expect(await take('led', 'bob', bob.token)).toMatchObject({ __typename: 'Principal', members: [] })
    expect(await put('led', 'nobody', 'MEMBER', ann.token)).toMatchObject({
      message: expect.stringMatching(/^member: /),
    })
    expect(await put('ann', 'bob', 'MEMBER', ann.token)).toMatchObject({ code: 'NOT_FOUND' })
  })

  it('keeps an admin: the last one neither leaves nor becomes a member, unless an administrator says so', async () => {
    await makeTeam(app, 'kept', { ann: 'ADMIN', bob: 'ADMIN' })
    const left = await Promise.all([take('kept', 'ann', ann.token), take('kept', 'bob', bob.token)])
    const codes = left.map(({ code }) => code ?? 'gone').sort()
    expect(codes).toEqual(['LAST_ADMIN', 'gone'])
    const [last] = await query<{ handle: string }>(
      app,
      `select u.handle from membership m join principal t on t.id = m.team_id join principal u on u.id = m.user_id where t.handle = 'team:kept'`,
    )
    const token = last?.handle === 'ann' ? ann.token : bob.token
    expect(await put('kept', last?.handle ?? '', 'MEMBER', token)).toMatchObject({ code: 'LAST_ADMIN' })
    expect(await put('kept', last?.handle ?? '', 'MEMBER', ADMIN_TOKEN)).toMatchObject({ __typename: 'Principal' })
  })

  it('shows who is in it to those who are, and to administrators', async () => {
    const { id } = await makeTeam(app, 'shown', { ann: 'MEMBER' })
    const seen = async (token: string) =>
      (await ask(`{ node(id: "${id}") { ... on Principal { members { user { handle } } } } }`, token)).node.members
    expect(await seen(ann.token)).toEqual([{ user: { handle: 'ann' } }])
    expect(await seen(ADMIN_TOKEN)).toHaveLength(1)
    expect(await seen(bob.token)).toEqual([])
  })
})

describe('what is a team’s', () => {
  it('is in the lists of its members, as long as they are in it', async () => {
    await makeTeam(app, 'owning', { ann: 'ADMIN', bob: 'MEMBER' })
    const job = await makeJob(app, ann.token, { name: 'of the team' })
    const { d } = await ask(
      'mutation { d: createDataset(input: { name: "of the team" }) { ... on Dataset { id } } }',
      ann.token,
    )
    await ask(
      `mutation { a: transferJob(input: { jobId: "${job.id}", ownerHandle: "owning" }) { __typename } }`,
      ann.token,
    )
    const handed = `mutation { a: transferDataset(input: { datasetId: "${d.id}", ownerHandle: "team:owning" }) { ... on Dataset { owner { handle } } ... on Error { message } } }`
    expect((await ask(handed, ann.token)).a).toEqual({ owner: { handle: 'team:owning' } })
    const listed = async (token: string) => {
      const { jobs, datasets } = await ask(
        '{ jobs(filter: { ownerHandle: "owning" }) { edges { node { id } } } datasets(filter: { ownerHandle: "owning" }) { edges { node { id } } } }',
        token,
      )
      return [jobs, datasets].map(({ edges }) => edges.map(({ node }: { node: { id: string } }) => node.id))
    }
    for (const { token } of [ann, bob]) expect(await listed(token)).toEqual([[job.id], [d.id]])
    expect(await listed(cid.token)).toEqual([[], []])
    await take('owning', 'bob', ann.token)
    expect(await listed(bob.token)).toEqual([[], []])
  })

  it('a dataset goes to nobody else, and not to whom has one of its slug', async () => {
    await makeTeam(app, 'full', { ann: 'MEMBER' })
    const make = async () =>
      (
        await ask(
          'mutation { d: createDataset(input: { name: "twice", slug: "twice" }) { ... on Dataset { id } } }',
          ann.token,
        )
      ).d.id
    const hand = async (id: string, to: string, token = ann.token) =>
      (
        await ask(
          `mutation { a: transferDataset(input: { datasetId: "${id}", ownerHandle: "${to}" }) { __typename ... on Error { code message } } }`,
          token,
        )
      ).a
    const first = await make()
    expect(await hand(first, 'bob')).toMatchObject({ code: 'FORBIDDEN' })
    expect(await hand(first, 'nobody')).toMatchObject({ message: expect.stringMatching(/^ownerHandle: /) })
    expect(await hand(first, 'bob', bob.token)).toMatchObject({ code: 'NOT_FOUND' })
    expect(await hand(first, 'full')).toEqual({ __typename: 'Dataset' })
    expect(await hand(await make(), 'full')).toMatchObject({ code: 'SLUG_TAKEN' })
    expect(await hand(first, 'bob', ADMIN_TOKEN)).toEqual({ __typename: 'Dataset' })
  })
})
