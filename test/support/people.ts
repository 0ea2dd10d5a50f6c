/** People of a test app, what they own, and its database seen from beside it. */
import pg from 'pg'
import type {
  CreateJobInput,
  CreateStackInput,
  CreateTokenInput,
  PublishArtifactInput,
  TeamRole,
} from '../generated/graphql.ts'
import { graphql } from '../generated/index.ts'
import type { TestApp } from './app.ts'

const SIGN_UP = graphql(`
  mutation SignUp($input: CreateUserInput!) {
    createUser(input: $input) {
      ... on CreatedUser { token principal { id handle } }
      ... on Error { message }
    }
  }
`)

const ISSUE_TOKEN = graphql(`
  mutation IssueToken($input: CreateTokenInput!) {
    createToken(input: $input) {
      ... on CreatedToken { token apiToken { id } }
      ... on Error { message }
    }
  }
`)

const PUBLISH_SITE = graphql(`
  mutation PublishSite($input: PublishArtifactInput!) {
    publishArtifact(input: $input) {
      ... on Artifact { id slug }
      ... on Error { message }
    }
  }
`)

const MAKE_JOB = graphql(`
  mutation MakeJob($input: CreateJobInput!) {
    createJob(input: $input) {
      ... on Job { id name version nextRunAt }
      ... on Error { message }
    }
  }
`)

const MAKE_STACK = graphql(`
  mutation MakeStack($input: CreateStackInput!) {
    createStack(input: $input) {
      ... on Stack { id name version }
      ... on Error { message }
    }
  }
`)

const MAKE_TEAM = graphql(`
  mutation MakeTeam($input: CreateTeamInput!) {
    createTeam(input: $input) {
      ... on Principal { id handle }
      ... on Error { message }
    }
  }
`)

const JOIN_TEAM = graphql(`
  mutation JoinTeam($input: SetTeamMemberInput!) {
    setTeamMember(input: $input) {
      ... on Principal { id handle }
      ... on Error { message }
    }
  }
`)

export type Person = { id: string; handle: string; token: string }

const failed = ({ message }: { message?: string }) => new Error(message ?? 'the answer is of no known type')

export async function signUp(app: TestApp, handle: string, email?: string): Promise<Person> {
  const { createUser } = (await app.send(SIGN_UP, { input: { handle, email: email ?? null } })).data
  if ('token' in createUser) return { ...createUser.principal, token: createUser.token }
  throw failed(createUser)
}

/** A team with these members, by their handles. */
export async function makeTeam(app: TestApp, handle: string, members: Record<string, TeamRole> = {}) {
  const { createTeam } = (await app.send(MAKE_TEAM, { input: { handle } })).data
  if (!('handle' in createTeam)) throw failed(createTeam)
  for (const [member, role] of Object.entries(members)) {
    const { setTeamMember } = (await app.send(JOIN_TEAM, { input: { team: handle, member, role } })).data
    if (!('handle' in setTeamMember)) throw failed(setTeamMember)
  }
  return createTeam
}

/** A further token of whoever has this one. */
export async function issueToken(app: TestApp, token: string, input: Partial<CreateTokenInput> = {}) {
  const { createToken } = (await app.send(ISSUE_TOKEN, { input: { name: 'a test', ...input } }, { token })).data
  if ('token' in createToken) return { id: createToken.apiToken.id, token: createToken.token }
  throw failed(createToken)
}

export async function publishSite(app: TestApp, slug: string, token: string, more: Partial<PublishArtifactInput> = {}) {
  const input = { name: slug, slug, files: [{ path: 'index.html', content: slug }], ...more }
  const { publishArtifact } = (await app.send(PUBLISH_SITE, { input }, { token })).data
  if ('slug' in publishArtifact) return publishArtifact
  throw failed(publishArtifact)
}

/** Nobody listens there, and no test waits for an answer. */
export const NOWHERE = { webhook: { url: 'http://127.0.0.1:9/' } }

export async function makeJob(app: TestApp, token: string, more: Partial<CreateJobInput> = {}) {
  const { createJob } = (await app.send(MAKE_JOB, { input: { actions: [NOWHERE], ...more } }, { token })).data
  if ('version' in createJob) return createJob
  throw failed(createJob)
}

export async function makeStack(app: TestApp, token: string, more: Partial<CreateStackInput> = {}) {
  const input = { name: 'a stack', actions: [NOWHERE], ...more }
  const { createStack } = (await app.send(MAKE_STACK, { input }, { token })).data
  if ('version' in createStack) return createStack
  throw failed(createStack)
}

/** Rows of a statement on the app's database; by a client that is open already, or one for this only. */
export async function query<Row extends object>(
  on: TestApp | pg.Client,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  if (on instanceof pg.Client) return (await on.query(text, values)).rows
  const client = new pg.Client(on.databaseUrl)
  await client.connect()
  try {
    return (await client.query(text, values)).rows
  } finally {
    await client.end()
  }
}

const TABLES =
  'principal api_token artifact artifact_version schedule stack job action signing_secret run domain_event dataset dataset_row dataset_snapshot dataset_snapshot_row dataset_load collaborator comment json_document pending_upload idempotency_record membership job_dataset share favorite tag job_tag'

/** How many rows there are of everything that an API call can make. Compare two, and nothing was written. */
export async function countRows(on: TestApp | pg.Client): Promise<Record<string, number>> {
  const counts = TABLES.split(' ').map((table) => `(select count(*)::int from ${table}) as ${table}`)
  const [row = {}] = await query<Record<string, number>>(on, `select ${counts.join(', ')}`)
  return row
}

/** A request as it is, for what no typed operation can say. */
export async function post(app: TestApp, body: unknown, token: string | null, headers: Record<string, string> = {}) {
  const response = await fetch(`${app.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }), ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) }
}
