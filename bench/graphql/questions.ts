/** What each competitor is asked, in its own words, and the same content out of its answer. */

export type Question = { body: string; path?: string; headers?: Record<string, string> }

/** Of a job in a list, whatever the words: instants in milliseconds, ids without dashes and prefixes. */
export type Content = {
  id: string
  name: string
  enabled: boolean
  nextRunAt: number | null
  owner: string
  runs: { id: string; status: string; startedAt: number }[]
}

export type Questions = {
  list: string
  typename: string
  create: string
  contentOf(data: never): Content[]
}

export const JOBS = 20
const RUNS = 3

type Run = { id: string; status: string; startedAt: string }
type Job<Runs> = { id: string; name: string; enabled: boolean; nextRunAt: string | null; runs: Runs }

const bareId = (id: string) => id.replace(/^\w+_/, '').replaceAll('-', '')

const contentOf = (job: Omit<Job<unknown>, 'runs'>, owner: string, runs: Run[]): Content => ({
  id: bareId(job.id),
  name: job.name,
  enabled: job.enabled,
  nextRunAt: job.nextRunAt === null ? null : Date.parse(job.nextRunAt),
  owner,
  runs: runs.map(({ id, status, startedAt }) => ({ id: bareId(id), status, startedAt: Date.parse(startedAt) })),
})

const asked = (query: string) => JSON.stringify({ query })
const TYPENAME = asked('{ __typename }')

type PlainAnswer = { jobs: (Job<Run[]> & { owner: { handle: string } })[] }
const plainContent = ({ jobs }: PlainAnswer) => jobs.map((job) => contentOf(job, job.owner.handle, job.runs))

/** Schemas that were written by hand, with plain lists. */
export const PLAIN: Questions = {
  list: asked(`{ jobs(first: ${JOBS}) {
    id name enabled nextRunAt owner { handle } runs(first: ${RUNS}) { id status startedAt } } }`),
  typename: TYPENAME,
  create: asked('mutation { createJob(name: "Created") { id name } }'),
  contentOf: plainContent,
}

export const LIMIT: Questions = {
  list: JSON.stringify({ ask: 'list', first: JOBS, runs: RUNS }),
  typename: JSON.stringify({ ask: 'typename' }),
  create: JSON.stringify({ ask: 'create', name: 'Created' }),
  contentOf: plainContent,
}

type PostgraphileJob = Omit<Job<never>, 'id' | 'runs'> & {
  rowId: string
  principalByOwnerId: { handle: string }
  runsByJobId: { nodes: { rowId: string; status: string; startedAt: string }[] }
}

/** What its Amber preset calls the tables. */
export const POSTGRAPHILE: Questions = {
  list: asked(`{ allJobs(first: ${JOBS}, orderBy: PRIMARY_KEY_DESC) { nodes {
    rowId name enabled nextRunAt principalByOwnerId { handle }
    runsByJobId(first: ${RUNS}, orderBy: PRIMARY_KEY_DESC) { nodes { rowId status startedAt } } } } }`),
  typename: TYPENAME,
  create: asked('mutation { benchAddJob(input: { name: "Created" }) { result { rowId name } } }'),
  contentOf: ({ allJobs }: { allJobs: { nodes: PostgraphileJob[] } }) =>
    allJobs.nodes.map(({ rowId, principalByOwnerId, runsByJobId, ...job }) =>
      contentOf(
        { ...job, id: rowId },
        principalByOwnerId.handle,
        runsByJobId.nodes.map(({ rowId, ...run }) => ({ ...run, id: rowId })),
      ),
    ),
}

type Edges<Node> = { edges: { node: Node }[] }

export const RUNSHEET: Questions = {
  list: asked(`{ jobs(first: ${JOBS}) { edges { node {
    id name enabled nextRunAt owner { handle } runs(first: ${RUNS}) { edges { node { id status startedAt } } } } } } }`),
  typename: TYPENAME,
  create:
    asked(`mutation { createJob(input: { name: "Created", actions: [{ webhook: { url: "http://127.0.0.1:9/" } }] }) {
    ... on Job { id name } ... on Error { message } } }`),
  contentOf: ({ jobs }: { jobs: Edges<Job<Edges<Run>> & { owner: { handle: string } }> }) =>
    jobs.edges.map(({ node }) =>
      contentOf(
        node,
        node.owner.handle,
        node.runs.edges.map(({ node }) => node),
      ),
    ),
}
