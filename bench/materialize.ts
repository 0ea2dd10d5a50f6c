/**
 * A file of 5 MB from loopback into a dataset: how long the run takes, and how much memory the server needs at most.
 * `node --import tsx bench/materialize.ts`; each round is a server of its own, `RUNS` runs in it, each in the place of
 * the rows of the one before.
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { newDataDir, removeDataDir, send, startServer } from './kit/server.ts'

const RUNS = Number(process.env.RUNS ?? 7)
const BYTES = 5_000_000

const people = (function* () {
  for (let id = 1; ; id++) {
    const name = `Person ${id}`
    yield { id, name, email: `p${id}@example.com`, city: `City ${id % 100}`, amount: id * 1.37, active: id % 2 === 0 }
  }
})()

/** As many rows as fit into BYTES. */
function file(start: string, textOf: (row: object, index: number) => string, end: string) {
  const parts = [start]
  let size = start.length
  for (let index = 0; size < BYTES; index++) {
    const text = textOf(people.next().value, index)
    parts.push(text)
    size += text.length
  }
  return { rows: parts.length - 1, body: Buffer.from(parts.join('') + end) }
}

const files = {
  CSV: {
    type: 'text/csv',
    ...file('id,name,email,city,amount,active\n', (row) => `${Object.values(row).join(',')}\n`, ''),
  },
  JSON: {
    type: 'application/json',
    ...file('[', (row, index) => `${index === 0 ? '' : ','}${JSON.stringify(row)}`, ']'),
  },
}

const source = createServer((request, response) => {
  const { type, body } = files[request.url === '/CSV' ? 'CSV' : 'JSON']
  response.writeHead(200, { 'content-type': type }).end(body)
})
await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve))
const address = `http://127.0.0.1:${(source.address() as AddressInfo).port}`

const CREATE = `mutation ($input: CreateJobInput!) { createJob(input: $input) { ... on Job { id } ... on Error { message } } }`
const RUN = `mutation ($id: ID!) { runJob(input: { jobId: $id }) { ... on Run { id } ... on Error { message } } }`
const RESULT = `query ($id: ID!) { run(id: $id) { isFinal status output error { message } startedAt finishedAt } }`

type Result = {
  isFinal: boolean
  status: string
  output: { rows: number } | null
  error: { message: string } | null
  startedAt: string
  finishedAt: string
}

const peakMiB = (pid: number | undefined) =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

async function finished(url: string, id: string): Promise<Result> {
  for (;;) {
    const { run } = await send<{ run: Result }>(url, RESULT, { id })
    if (run.isFinal) return run
    await sleep(50)
  }
}

console.log('| format | bytes | rows | run: min / median / max | rows/s (median) | peak RSS: idle → after |')
console.log('|---|---|---|---|---|---|')
for (const [format, { rows, body }] of Object.entries(files)) {
  const dataDir = await newDataDir()
  const server = await startServer(dataDir, 4720)
  try {
    const idle = peakMiB(server.child.pid)
    const input = { actions: [{ materialize: { source: { url: `${address}/${format}` }, target: { name: format } } }] }
    const { createJob } = await send<{ createJob: { id?: string; message?: string } }>(server.url, CREATE, { input })
    if (!createJob.id) throw new Error(createJob.message)
    const times: number[] = []
    for (let count = 0; count < RUNS; count++) {
      const { runJob } = await send<{ runJob: { id: string } }>(server.url, RUN, { id: createJob.id })
      const run = await finished(server.url, runJob.id)
      if (run.output?.rows !== rows) throw new Error(`${run.status}: ${run.error?.message}`)
      times.push(Date.parse(run.finishedAt) - Date.parse(run.startedAt))
    }
    const [min = 0, median = 0, max = 0] = [0, 0.5, 1].map(
      (q) => times.toSorted((a, b) => a - b)[Math.floor(q * (RUNS - 1))],
    )
    const after = peakMiB(server.child.pid)
    console.log(
      `| ${format} | ${body.length} | ${rows} | ${min} / ${median} / ${max} ms | ${Math.round(rows / (median / 1000))} | ${idle.toFixed(0)} → ${after.toFixed(0)} MiB |`,
    )
    console.error(`${format}: ${times.join(', ')} ms`)
  } finally {
    await server.stop()
    await removeDataDir(dataDir)
  }
}
source.close()
