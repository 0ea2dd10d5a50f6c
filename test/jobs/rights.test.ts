/** Who may do what with a job: everybody who can stand to one in some way, by everything that can be done, by both ways in. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formatId, newId } from '../../src/kernel/ids.ts'
import { graphql } from '../generated/index.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { makeTeam, type Person, post, publishSite, query, signUp } from '../support/people.ts'
import { rest } from '../support/rest.ts'

const WATCH = graphql(
  `subscription WatchRights($jobId: ID) { runEvents(jobId: $jobId, after: "") { run { job { id } } } }`,
)

/** Each includes those before it. */
const LEVELS = ['none', 'read', 'edit', 'share', 'own'] as const
type Level = (typeof LEVELS)[number]
type Place = 'plain' | 'team' | 'artifact'

type Role = {
  /** What they may do. */
  level: Level
  /** Whether the job is in their lists, and its events in their streams, without anybody naming its artifact. */
  listed: boolean
  /** Of whom, or where, the job is. */
  place: Place
  /** How the job is shared, and with whom. */
  share?: { level: number; with: 'shared' | 'team:helpers' }
}

const shared = (level: number, to: 'shared' | 'team:helpers', may: Level): Role => ({
  ...{ level: may, listed: true, place: 'plain', share: { level, with: to } },
})

const ROLES: Record<string, Role> = {
  owner: { level: 'own', listed: true, place: 'plain' },
  'member of the team': { level: 'share', listed: true, place: 'team' },
  'admin of the team': { level: 'own', listed: true, place: 'team' },
  'user at level 1': shared(1, 'shared', 'read'),
  'user at level 2': shared(2, 'shared', 'edit'),
  'user at level 3': shared(3, 'shared', 'share'),
  'member of a team at level 1': shared(1, 'team:helpers', 'read'),
  'member of a team at level 2': shared(2, 'team:helpers', 'edit'),
  'member of a team at level 3': shared(3, 'team:helpers', 'share'),
  'owner of the artifact': { level: 'own', listed: false, place: 'artifact' },
  'editor of the artifact': { level: 'read', listed: false, place: 'artifact' },
  stranger: { level: 'none', listed: false, place: 'plain' },
  'stranger to a team': { level: 'none', listed: false, place: 'team' },
  administrator: { level: 'own', listed: true, place: 'plain' },
}

/** What each thing needs. */
const NEEDS = {
  read: 'read',
  edit: 'edit',
  run: 'edit',
  cancel: 'edit',
  draft: 'edit',
  transfer: 'edit',
  share: 'share',
  delete: 'own',
} as const
type Deed = keyof typeof NEEDS

const SECRET = 'very-secret-word'

let app: TestApp
const people: Record<string, Person> = {}
let artifactId: string

beforeAll(async () => {
  app = await createTestApp({ CONCURRENCY: '4' })
  for (const name of ['ann', 'member', 'leader', 'shared', 'helper', 'artist', 'editor', 'stranger']) {
    people[name] = await signUp(app, name, `${name}@example.org`)
  }
  await makeTeam(app, 'crew', { leader: 'ADMIN', member: 'MEMBER' })
  await makeTeam(app, 'helpers', { helper: 'MEMBER' })
  artifactId = (await publishSite(app, 'of-artist', token('artist'), { visibility: 'PRIVATE' })).id
  const emails = ['editor@example.org', 'ann@example.org']
  await ask(
    'artist',
    `mutation { a: addCollaborators(input: { artifactId: "${artifactId}", emails: ${JSON.stringify(emails)}, role: EDITOR }) { __typename } }`,
  )
})
afterAll(() => app?.stop())

const PERSON: Record<string, string> = {
  ...{ owner: 'ann', 'member of the team': 'member', 'admin of the team': 'leader', administrator: 'admin' },
  ...{ 'owner of the artifact': 'artist', 'editor of the artifact': 'editor' },
}
const personOf = (role: string) =>
  PERSON[role] ?? (role.startsWith('user') ? 'shared' : role.startsWith('member of a team') ? 'helper' : 'stranger')
const token = (name: string) => (name === 'admin' ? ADMIN_TOKEN : (people[name]?.token ?? ''))
const ask = async (who: string, text: string) => (await post(app, { query: text }, token(who))).body
const asRest = (who: string, route: string, body?: unknown) =>
  rest(app, route, { token: token(who), ...(body !== undefined && { body }) })
const globalId = (uuid: string) => `job_${uuid.replaceAll('-', '')}`
const uuidOf = (id: string) => id.replace(/^.*_(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')

/** A job as the role finds it, with a run that is under way or waits. */
async function jobFor({ place, share }: Role): Promise<string> {
  const data = { url: `http://127.0.0.1:9/?token=${SECRET}`, headers: { authorization: SECRET } }
  const { body } = await asRest('ann', 'POST /api/jobs', { name: 'A job', type: 'api-call', data })
  const id: string = body.id
  if (share) await asRest('ann', `PUT /api/jobs/${id}/shares/${share.with}`, { accessLevel: share.level })
  if (place === 'team') await asRest('admin', `PUT /api/jobs/${id}/owner`, { ownerId: 'team:crew' })
  if (place === 'artifact') await query(app, 'update job set artifact_id = $2 where id = $1', [id, uuidOf(artifactId)])
  return id
}

/** A run of it that nobody works on: it is made as one of tomorrow, for a worker would have one of now at once. */
async function waitingRun(id: string): Promise<string> {
  const runId = newId()
  await query(
    app,
    `with made as (
      insert into run (id, job_id, trigger, status, available_at, queued_at, plan)
      values ($1, $2, 'MANUAL', 'QUEUED', now() + interval '1 day', now(), '{}') returning id, job_id, available_at
    ) insert into run_queue (run_id, job_id, available_at) select * from made`,
    [runId, id],
  )
  return formatId('Run', runId)
}

type Outcome = 'ok' | 'FORBIDDEN' | 'NOT_FOUND'
const expected = (level: Level, need: Level): Outcome => {
  if (level === 'none') return 'NOT_FOUND'
  return LEVELS.indexOf(level) >= LEVELS.indexOf(need) ? 'ok' : 'FORBIDDEN'
}

/** What GraphQL says to a deed. */
async function byGraphql(who: string, id: string, deed: Deed): Promise<Outcome> {
  const jobId = `jobId: "${globalId(id)}"`
  const answer = '{ __typename ... on Error { code message } }'
  if (deed === 'read') return (await ask(who, `{ job(id: "${globalId(id)}") { id } }`)).data.job ? 'ok' : 'NOT_FOUND'
  const deeds = {
    edit: () => `updateJob(input: { ${jobId}, description: "changed" })`,
    run: () => `runJob(input: { ${jobId} })`,
    cancel: async () => `cancelRun(input: { runId: "${await waitingRun(id)}" })`,
    draft: () => `editJob(input: { ${jobId} })`,
    transfer: () => `transferJob(input: { ${jobId}, ownerHandle: "${who}" })`,
    share: () => `shareJob(input: { ${jobId}, principalHandle: "stranger", level: 1 })`,
    delete: () => `deleteJob(input: { ${jobId} })`,
  }
  const { data } = await ask(who, `mutation { a: ${await deeds[deed]()} ${answer} }`)
  return outcomeOf(data.a)
}

const outcomeOf = ({ code, message }: { code?: string; message?: string }): Outcome => {
  if (!code || code === 'NEW_OWNER') return 'ok'
  if (code === 'FORBIDDEN' || code === 'NOT_FOUND') return code
  throw new Error(message)
}

/** What Informer's API says to a deed; nothing where it has no words for it. */
async function byRest(who: string, id: string, deed: Deed): Promise<Outcome | null> {
  const path = `/api/jobs/${id}`
  const routes: { [each in Deed]?: [route: string, body?: unknown] } = {
    read: [`GET ${path}`],
    edit: [`PUT ${path}`, { description: 'changed' }],
    run: [`POST ${path}`],
    draft: [`POST ${path}/_edit`],
    transfer: [`PUT ${path}/owner`, { ownerId: who }],
    share: [`PUT ${path}/shares/stranger`, { accessLevel: 1 }],
    delete: [`DELETE ${path}`],
  }
  const route = routes[deed]
  if (!route) return null
  const { status, body } = await asRest(who, ...route)
  const codes: Record<number, Outcome> = { 200: 'ok', 201: 'ok', 204: 'ok', 403: 'FORBIDDEN', 404: 'NOT_FOUND' }
  // Whoever may not run it is told that first.
  const outcome = deed === 'run' && status === 409 ? 'ok' : codes[status]
  if (outcome) return outcome
  throw new Error(`${status} ${body?.message}`)
}

describe.each(Object.entries(ROLES))('the %s', (role, { level, listed, ...how }) => {
  const who = personOf(role)
  let id: string
  beforeAll(async () => {
    id = await jobFor({ level, listed, ...how })
    await ask('admin', `mutation { r: runJob(input: { jobId: "${globalId(id)}" }) { __typename } }`)
  })

  it('does what their level lets them, and what they may not see is not there', async () => {
    for (const deed of Object.keys(NEEDS) as Deed[]) {
      const want = expected(level, NEEDS[deed])
      const fresh = async () => (deed === 'transfer' || deed === 'delete' ? jobFor({ level, listed, ...how }) : id)
      const got = { graphql: await byGraphql(who, await fresh(), deed), rest: await byRest(who, await fresh(), deed) }
      expect([deed, got]).toEqual([deed, { graphql: want, rest: got.rest === null ? null : want }])
    }
  })

  it('is told just that', async () => {
    if (level === 'none') return
    const may = (need: Level) => LEVELS.indexOf(level) >= LEVELS.indexOf(need)
    const permissions = { read: true, edit: may('edit'), run: may('edit'), delete: may('own') }
    const { data } = await ask(
      who,
      `{ job(id: "${globalId(id)}") { viewerPermissions { read edit run delete share } shares { level } } }`,
    )
    expect(data.job.viewerPermissions).toEqual({ ...permissions, share: may('share') })
    expect(Array.isArray(data.job.shares)).toBe(may('share'))
    expect((await asRest(who, `GET /api/jobs/${id}`)).body.permissions).toEqual(permissions)
  })

  it('sees its secrets if they may change it, and nowhere else', async () => {
    const sees = LEVELS.indexOf(level) >= LEVELS.indexOf('edit')
    const { data } = await ask(who, `{ job(id: "${globalId(id)}") { signingSecret actions { config } } }`)
    const { body } = await asRest(who, `GET /api/jobs/${id}`)
    expect([JSON.stringify(data).includes(SECRET), JSON.stringify(body).includes(SECRET)]).toEqual([sees, sees])
    expect(Boolean(data.job?.signingSecret)).toBe(sees)
  })

  it('has it in their lists if it is theirs, their team’s or shared with them', async () => {
    const { data } = await ask(who, '{ jobs(first: 100) { edges { node { id } } } }')
    expect(data.jobs.edges.some(({ node }: { node: { id: string } }) => node.id === globalId(id))).toBe(listed)
    const list = (await asRest(who, 'GET /api/jobs?limit=1000')).body._embedded['inf:job']
    const flat = (await asRest(who, 'GET /api/jobs-list')).body
    expect([list, flat].map((each) => each.some((job: { id: string }) => job.id === id))).toEqual([listed, listed])
  })

  it('watches its runs if they may read it, also among all that is theirs', async () => {
    const job = globalId(id)
    const named = app.watch(WATCH, { jobId: job }, { token: token(who) }).next()
    if (level === 'none') return expect(named).rejects.toThrow('NOT_FOUND')
    expect((await named).value?.runEvents.run.job.id).toBe(job)
    if (!listed) return
    for await (const { runEvents } of app.watch(WATCH, {}, { token: token(who) }))
      if (runEvents.run.job.id === job) break
  })
})
