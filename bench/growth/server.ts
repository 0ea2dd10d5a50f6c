/** What clients and operators see of a database's size: the list of jobs over HTTP, and the memory of the server. */
import { mkdir } from 'node:fs/promises'
import type { Sample } from '../kit/compare.ts'
import { median } from '../kit/numbers.ts'
import { memoryMiB } from '../kit/processes.ts'
import { newDataDir, removeDataDir, startServer, TOKEN } from '../kit/server.ts'
import { OWNER_TOKEN } from './fill.ts'

const TIMES = { list: 200, total: 10 }
const LIST = `{ jobs(first: 20) { edges { node {
  id name enabled nextRunAt owner { handle } runs(first: 3) { edges { node { id status startedAt finishedAt } } }
} } } }`
const TOTAL = '{ jobs(first: 20) { totalCount edges { node { id } } } }'

async function ask(url: string, token: string, query: string): Promise<{ edges: { node: object }[] }> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query }),
  })
  const { data, errors } = (await response.json()) as {
    data: { jobs: { edges: { node: object }[] } }
    errors?: unknown
  }
  if (errors || data.jobs.edges.length !== 20) throw new Error(JSON.stringify(errors ?? data))
  return data.jobs
}

async function msOf(times: number, work: () => Promise<unknown>): Promise<number> {
  const all: number[] = []
  for (let n = 0; n < times + 10; n++) {
    const started = performance.now()
    await work()
    if (n >= 10) all.push(performance.now() - started)
  }
  return median(all)
}

/** A server with all of its loops on; it is started for the turn, and ended. */
export async function measureServer(databaseUrl: string, port: number): Promise<Sample> {
  const dataDir = await newDataDir()
  await mkdir(dataDir)
  const server = await startServer(dataDir, port, { DATABASE_URL: databaseUrl, SECRET_KEY: '0'.repeat(64) })
  try {
    const { url, child } = server
    const memory = await memoryMiB(child.pid ?? 0)
    const list = await msOf(TIMES.list, () => ask(url, OWNER_TOKEN, LIST))
    const listAll = await msOf(TIMES.list, () => ask(url, TOKEN, LIST))
    const total = await msOf(TIMES.total, () => ask(url, TOKEN, TOTAL))
    return { memory, list, 'list-all': listAll, total, 'memory-after': await memoryMiB(child.pid ?? 0) }
  } finally {
    await server.stop()
    await removeDataDir(dataDir)
  }
}
