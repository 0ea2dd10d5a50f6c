/** What is asked of the product as its clients ask for it: over HTTP, with a token, of the bundled server. */
import { newDataDir, removeDataDir, type Server, send, startServer } from '../kit/server.ts'
import { SECRET_KEY } from './runsheet-key.ts'
import { openPostgresStore } from './store.ts'

const PORT = 4789
const PRODUCERS = 10
const PRODUCE_MS = 3_000

const CREATE = `mutation ($input: CreateJobInput!) { createJob(input: $input) { ... on Job { id } ... on Error { message } } }`
const RUN = `mutation ($id: ID!) { runJob(input: { jobId: $id }) { ... on Run { id } ... on Error { message } } }`

type Made = { id?: string; message?: string }

/** A job that calls the receiver. */
export async function createJob(url: string, receiver: string, more: object = {}): Promise<string> {
  const input = { actions: [{ webhook: { url: receiver } }], overlap: 'ALLOW', ...more }
  const { createJob } = await send<{ createJob: Made }>(url, CREATE, { input })
  if (!createJob.id) throw new Error(createJob.message)
  return createJob.id
}

export async function runJob(url: string, id: string): Promise<void> {
  const { runJob } = await send<{ runJob: Made }>(url, RUN, { id })
  if (!runJob.id) throw new Error(runJob.message)
}

/** The whole product on a PostgreSQL of its own, for as long as `use` takes. */
export async function withServer<Result>(
  use: (server: Server) => Promise<Result>,
  env: Record<string, string> = {},
): Promise<Result> {
  const dataDir = await newDataDir()
  try {
    const server = await startServer(dataDir, PORT, env)
    try {
      return await use(server)
    } finally {
      await server.stop()
    }
  } finally {
    await removeDataDir(dataDir)
  }
}

/** Clients that each wait for the answer to `runJob`, each of a job of its own, while no node works. Runs a second. */
export async function produceOverHttp(): Promise<number> {
  const store = await openPostgresStore()
  try {
    return await withServer(
      async ({ url }) => {
        const jobs = await Promise.all(Array.from({ length: PRODUCERS }, () => createJob(url, 'http://127.0.0.1:9/')))
        let added = 0
        const began = performance.now()
        await Promise.all(
          jobs.map(async (id) => {
            for (; performance.now() - began < PRODUCE_MS; added++) await runJob(url, id)
          }),
        )
        return added / ((performance.now() - began) / 1000)
      },
      { ...store.env, SECRET_KEY, ROLE: 'api' },
    )
  } finally {
    await store.stop()
  }
}
