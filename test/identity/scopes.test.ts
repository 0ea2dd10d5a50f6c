/** What each token may do: every mutation and every list, without a token and with one that lacks the scope. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { schema } from '../../src/graphql/schema.ts'
import { SCOPES } from '../../src/identity/viewer.ts'
import { graphql } from '../generated/index.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import {
  countRows,
  issueToken,
  makeJob,
  makeStack,
  makeTeam,
  NOWHERE,
  type Person,
  post,
  publishSite,
  signUp,
} from '../support/people.ts'

const READ = graphql(`
  query ReadAll($job: ID!, $stack: ID!, $artifact: ID!) {
    job(id: $job) { id }
    stack(id: $stack) { id }
    artifact(id: $artifact) { id }
    artifacts { totalCount }
  }
`)

const LIST_JOBS = graphql(`query ListJobs { jobs { totalCount } }`)
const LIST_RUNS = graphql(`query ListRuns { runs { totalCount } }`)
const LIST_STACKS = graphql(`query ListStacks { stacks { totalCount } }`)
const WATCH_RUNS = graphql(`subscription WatchRuns { runEvents { seq } }`)
const SECRET = graphql(`query Secret($job: ID!) { job(id: $job) { id signingSecret } }`)

type Scope = (typeof SCOPES)[number]

let app: TestApp
let alice: Person
let jobId: string
let stackId: string
let artifactId: string
let tokenId: string
/** Tokens of a user with one scope. */
const tokenOf = new Map<Scope, string>()
/** Tokens of the administrator with all scopes but one. */
const adminWithout = new Map<Scope, string>()

beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
  await makeTeam(app, 'crew', { alice: 'ADMIN' })
  artifactId = (await publishSite(app, 'hidden', alice.token, { visibility: 'PRIVATE' })).id
  jobId = (await makeJob(app, alice.token, { artifactId })).id
  stackId = (await makeStack(app, alice.token)).id
  for (const scope of SCOPES.filter((each) => each !== 'admin')) {
    const { id, token } = await issueToken(app, alice.token, { scopes: [scope] })
    tokenOf.set(scope, token)
    tokenId = id
  }
  for (const scope of SCOPES) {
    const scopes = SCOPES.filter((each) => each !== scope)
    adminWithout.set(scope, (await issueToken(app, ADMIN_TOKEN, { scopes })).token)
  }
})
afterAll(() => app?.stop())

const onArtifact = () => ({ artifactId })
const onJob = () => ({ jobId })
const onStack = () => ({ stackId })
const onVersion = () => ({ artifactId, versionNo: 1 })
const onRun = () => ({ runId: `run_${'0'.repeat(32)}` })
const onRuns = () => ({ filter: {} })
const onDataset = () => ({ datasetId: `dat_${'0'.repeat(32)}` })

/** A valid input of each mutation, and the scope that it takes; null: any token. */
const MUTATIONS: Record<string, { input: () => object; scope: Scope | null }> = {
  createUser: { input: () => ({ handle: 'mallory' }), scope: 'admin' },
  createToken: { input: () => ({ name: 'x' }), scope: null },
  revokeToken: { input: () => ({ tokenId }), scope: null },
  publishArtifact: {
    input: () => ({ name: 'x', files: [{ path: 'index.html', content: 'x' }] }),
    scope: 'artifacts:write',
  },
  rollbackArtifact: { input: onVersion, scope: 'artifacts:write' },
  updateArtifact: { input: () => ({ artifactId, name: 'y' }), scope: 'artifacts:write' },
  deleteArtifact: { input: onArtifact, scope: 'artifacts:write' },
  restoreArtifact: { input: onArtifact, scope: 'artifacts:write' },
  deleteVersion: { input: onVersion, scope: 'artifacts:write' },
  createJob: { input: () => ({ actions: [NOWHERE] }), scope: 'jobs:write' },
  updateJob: { input: () => ({ jobId, name: 'y' }), scope: 'jobs:write' },
  pauseJob: { input: onJob, scope: 'jobs:write' },
  resumeJob: { input: onJob, scope: 'jobs:write' },
  pauseJobs: { input: onRuns, scope: 'jobs:write' },
  resumeJobs: { input: onRuns, scope: 'jobs:write' },
  holdJob: { input: onJob, scope: 'admin' },
  releaseJob: { input: onJob, scope: 'admin' },
  deleteJob: { input: onJob, scope: 'jobs:write' },
  editJob: { input: onJob, scope: 'jobs:write' },
  commitJob: { input: onJob, scope: 'jobs:write' },
  discardDraft: { input: onJob, scope: 'jobs:write' },
  transferJob: { input: () => ({ jobId, ownerHandle: 'alice' }), scope: 'jobs:write' },
  shareJob: { input: () => ({ jobId, principalHandle: 'crew', level: 1 }), scope: 'jobs:write' },
  unshareJob: { input: () => ({ jobId, principalHandle: 'crew' }), scope: 'jobs:write' },
  favoriteJob: { input: onJob, scope: 'jobs:read' },
  createSchedule: { input: () => ({ schedule: { every: { seconds: 60 } } }), scope: 'jobs:write' },
  updateSchedule: { input: () => ({ scheduleId: `sch_${'0'.repeat(32)}`, name: 'y' }), scope: 'jobs:write' },
  createStack: { input: () => ({ name: 'x', actions: [NOWHERE] }), scope: 'jobs:write' },
  updateStack: { input: () => ({ stackId, name: 'y' }), scope: 'jobs:write' },
  deleteStack: { input: onStack, scope: 'jobs:write' },
  runStack: { input: onStack, scope: 'jobs:run' },
  createTeam: { input: () => ({ handle: 'team:mallets' }), scope: 'admin' },
  setTeamMember: { input: () => ({ team: 'crew', member: 'alice' }), scope: 'jobs:write' },
  removeTeamMember: { input: () => ({ team: 'crew', member: 'alice' }), scope: 'jobs:write' },
  setRunLimit: { input: () => ({ handle: 'alice', limit: 1 }), scope: 'admin' },
  runJob: { input: onJob, scope: 'jobs:run' },
  backfillJob: {
    input: () => ({ jobId, from: '2024-01-01T00:00:00Z', to: '2024-01-02T00:00:00Z' }),
    scope: 'jobs:run',
  },
  cancelRun: { input: onRun, scope: 'jobs:run' },
  cancelRuns: { input: onRuns, scope: 'jobs:run' },
  reportStep: { input: () => ({ ...onRun(), progress: { fraction: 0.5 } }), scope: 'jobs:run' },
  retryRun: { input: onRun, scope: 'jobs:run' },
  retryRuns: { input: onRuns, scope: 'jobs:run' },
  rotateSigningSecret: { input: onJob, scope: 'jobs:write' },
  testAction: { input: () => ({ action: NOWHERE, jobId }), scope: 'jobs:run' },
  createDataset: { input: () => ({ name: 'x' }), scope: 'data:write' },
  updateDataset: { input: () => ({ ...onDataset(), name: 'y' }), scope: 'data:write' },
  transferDataset: { input: () => ({ ...onDataset(), ownerHandle: 'alice' }), scope: 'data:write' },
  deleteDataset: { input: onDataset, scope: 'data:write' },
  insertRows: { input: () => ({ ...onDataset(), rows: [{}] }), scope: 'data:write' },
  updateRows: { input: () => ({ ...onDataset(), all: true, set: {} }), scope: 'data:write' },
  deleteRows: { input: () => ({ ...onDataset(), all: true }), scope: 'data:write' },
  takeSnapshot: { input: onDataset, scope: 'data:write' },
  deleteSnapshot: { input: () => ({ snapshotId: `snp_${'0'.repeat(32)}` }), scope: 'data:write' },
  updateProfile: { input: () => ({ name: 'y' }), scope: null },
  addCollaborators: {
    input: () => ({ artifactId, emails: ['x@example.org'], role: 'EDITOR' }),
    scope: 'artifacts:write',
  },
  removeCollaborator: { input: () => ({ artifactId, email: 'x@example.org' }), scope: 'artifacts:write' },
  addComment: { input: () => ({ artifactId, text: 'x' }), scope: 'artifacts:write' },
  deleteComment: { input: () => ({ commentId: `cmt_${'0'.repeat(32)}` }), scope: 'artifacts:write' },
  prepareUpload: {
    input: () => ({ files: [{ path: 'a', digest: '0'.repeat(64), sizeBytes: 1 }] }),
    scope: 'artifacts:write',
  },
  setDocument: { input: () => ({ artifactId, key: 'x', value: 1 }), scope: 'data:write' },
  deleteDocument: { input: () => ({ artifactId, key: 'x' }), scope: 'data:write' },
  emitEvent: { input: () => ({ type: 'order.paid', artifactId }), scope: 'jobs:run' },
}

const mutate = async (name: string, token: string | null) => {
  const type = schema.getMutationType()?.getFields()[name]?.args[0]?.type
  const query = `mutation($input: ${type}) { answer: ${name}(input: $input) { __typename ... on Error { code } } }`
  return (await post(app, { query, variables: { input: MUTATIONS[name]?.input() } }, token)).body
}

it('knows every mutation', () => {
  expect(Object.keys(MUTATIONS).sort()).toEqual(Object.keys(schema.getMutationType()?.getFields() ?? {}).sort())
})

describe('without the right, nothing is written and', () => {
  it.each(Object.entries(MUTATIONS))('%s says so', async (name, { scope }) => {
    const before = await countRows(app)
    const refused = (code: string) => ({ data: { answer: { __typename: 'ForbiddenError', code } } })
    expect(await mutate(name, null)).toEqual(refused('UNAUTHENTICATED'))
    for (const [each, token] of scope ? tokenOf : []) {
      if (each !== scope) expect(await mutate(name, token), each).toEqual(refused('INSUFFICIENT_SCOPE'))
    }
    if (scope) expect(await mutate(name, adminWithout.get(scope) ?? '')).toEqual(refused('INSUFFICIENT_SCOPE'))
    expect(await countRows(app)).toEqual(before)
  })
})

describe('reading', () => {
  const read = async (token: string | null) =>
    (await app.send(READ, { job: jobId, stack: stackId, artifact: artifactId }, { token })).data

  it('shows the anonymous what is public, and nothing else', async () => {
    expect(await read(null)).toEqual({ job: null, stack: null, artifact: null, artifacts: { totalCount: 0 } })
    await publishSite(app, 'shown', ADMIN_TOKEN)
    expect(await read(null)).toMatchObject({ artifacts: { totalCount: 1 } })
  })

  it('shows the own things to tokens that may read them', async () => {
    const all = await read(alice.token)
    expect(all).toEqual({
      ...{ job: { id: jobId }, stack: { id: stackId } },
      ...{ artifact: { id: artifactId }, artifacts: { totalCount: 2 } },
    })
    expect(await read(tokenOf.get('jobs:read') ?? '')).toEqual({
      ...all,
      artifact: null,
      artifacts: { totalCount: 1 },
    })
    expect(await read(tokenOf.get('artifacts:read') ?? '')).toEqual({ ...all, job: null, stack: null })
    expect(await read(tokenOf.get('jobs:write') ?? '')).toMatchObject({ job: null, stack: null, artifact: null })
  })

  it.each([
    ['jobs', LIST_JOBS],
    ['runs', LIST_RUNS],
    ['stacks', LIST_STACKS],
  ])('lists %s to those who are signed in with jobs:read', async (_name, list) => {
    const codeOf = async (token: string | null) =>
      (await app.send(list as typeof LIST_JOBS, {}, { token })).errors?.[0]?.extensions.code
    expect(await codeOf(null)).toBe('UNAUTHENTICATED')
    for (const [scope, token] of tokenOf) {
      expect(await codeOf(token), scope).toBe(scope === 'jobs:read' ? undefined : 'INSUFFICIENT_SCOPE')
    }
  })

  it('streams events to those with jobs:read', async () => {
    const refusal = (token: string) => expect(app.watch(WATCH_RUNS, {}, { token }).next()).rejects
    for (const [scope, token] of tokenOf) {
      if (scope !== 'jobs:read') await refusal(token).toThrow('INSUFFICIENT_SCOPE')
    }
  })

  it('tells the signing secret to tokens that may change the job', async () => {
    const secret = async (token: string) => app.send(SECRET, { job: jobId }, { token })
    expect(await secret(alice.token)).toEqual({
      data: { job: { id: jobId, signingSecret: expect.stringMatching(/^whsec_/) } },
    })
    const refused = await secret(tokenOf.get('jobs:read') ?? '')
    expect(refused.data).toEqual({ job: { id: jobId, signingSecret: null } })
    expect(refused.errors).toMatchObject([{ extensions: { code: 'INSUFFICIENT_SCOPE' } }])
  })
})
