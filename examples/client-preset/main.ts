/**
 * Operations that TypeScript knows: GraphQL Code Generator's client preset makes types of them, and a hash of each. The
 * hash is sent in place of the text to a server that knows it (`TRUSTED_DOCUMENTS`); others are sent the text.
 *
 *     node --import tsx examples/client-preset/generate.ts      (whenever an operation has changed)
 *     RUNSHEET_TOKEN=$(cat .runsheet/admin-token) node --import tsx examples/client-preset/main.ts
 */
import type { TypedDocumentString } from './generated/graphql.ts'
import { type FragmentType, graphql, unmask } from './generated/index.ts'

const { RUNSHEET_URL = 'http://localhost:4000', RUNSHEET_TOKEN } = process.env

type Answer<Data> = { data?: Data | null; errors?: { message: string; extensions?: { code?: string } }[] }

async function send<Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  async function ask(by: { documentId: string } | { query: string }): Promise<Answer<Data>> {
    const response = await fetch(`${RUNSHEET_URL}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${RUNSHEET_TOKEN}` },
      body: JSON.stringify({ ...by, variables }),
    })
    return response.json() as Promise<Answer<Data>>
  }

  const { hash } = document.__meta__ as { hash: string }
  const byHash = await ask({ documentId: hash })
  const isUnknown = byHash.errors?.some(({ extensions }) => extensions?.code?.startsWith('PERSISTED_QUERY_'))
  const { data, errors } = isUnknown ? await ask({ query: document.toString() }) : byHash
  if (!data) throw new Error(errors?.map(({ message }) => message).join('; '))
  console.log(`— sent ${isUnknown ? 'as text' : hash.slice(0, 19)}`)
  return data
}

const JOB_LINE = graphql(`
  fragment JobLine on Job { displayName enabled lastStatus }
`)

/** Sees of a job what its own fragment asks for, whatever else the query around it does. */
function lineOf(masked: FragmentType<typeof JOB_LINE>): string {
  const { displayName, enabled, lastStatus } = unmask(JOB_LINE, masked)
  return `${displayName}: ${enabled ? 'on' : 'off'}, ${lastStatus?.toLowerCase() ?? 'never ran'}`
}

const JOBS = graphql(`
  query Jobs($first: Int!) {
    viewer { handle }
    jobs(first: $first) { totalCount edges { node { id ...JobLine } } }
  }
`)

const { viewer, jobs } = await send(JOBS, { first: 10 })
console.log(`${viewer?.handle} may see ${jobs.totalCount} jobs`)
for (const { node } of jobs.edges) console.log(lineOf(node))
