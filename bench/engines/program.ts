/**
 * The program around every engine that is measured: it does in one process what the comparison asks for over IPC, in the
 * same way for all, so that they differ by the engine alone. The parent's side is `control.ts`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { percentile } from '../kit/numbers.ts'

/** Jobs are told apart by a number. */
export type Engine = {
  /** Queues the jobs `from` to `from + count - 1` as the engine does it in bulk, to be done at once or at `at`. */
  add(from: number, count: number, at?: Date): Promise<void>
  addOne(job: number): Promise<void>
  /** Starts to work, with `CONCURRENCY` at once. `isWide`: jobs take no time, so batches may be as large as pays. */
  work(handle: (job: number) => Promise<void>, options?: { isWide: boolean }): Promise<void>
  /** Whether all that was queued is recorded as done. */
  isDone(): Promise<boolean>
}

export const CONCURRENCY = 50
export const BULK = 500
const PRODUCERS = 10
/** Of what is measured by the clock; what is not done by then is not waited for. */
const GIVE_UP_MS = 10_000
const ENQUEUE_MS = 2_000
const LATENCY_MS = 12_000
const now = () => performance.now()

/** A call as a handler makes it: kept-alive connections, as many as there are handlers. */
export function createCaller(url: string) {
  const dispatcher = new Agent({ connections: CONCURRENCY, pipelining: 1 })
  const headers = { 'content-type': 'application/json' }
  return async (job: number): Promise<void> => {
    const { statusCode, body } = await request(url, {
      ...{ method: 'POST', dispatcher, headers, body: JSON.stringify({ job }) },
    })
    await body.dump()
    if (statusCode !== 200) throw new Error(`the receiver answered ${statusCode}`)
  }
}

const commands = {
  async fill({ add }: Engine, { count, at }: { count: number; at?: number }) {
    for (let from = 0; from < count; from += BULK) {
      await add(from, Math.min(BULK, count - from), at === undefined ? undefined : new Date(at))
    }
  },

  /** Of jobs that do nothing, from the start of the work to the last that is recorded as done. */
  async drain({ work, isDone }: Engine, { count }: { count: number }) {
    let handled = 0
    const began = now()
    const timeLeft = () => now() - began < GIVE_UP_MS
    await work(async () => void handled++, { isWide: true })
    while (handled < count && timeLeft()) await sleep(1)
    while (handled >= count && !(await isDone()) && timeLeft()) await sleep(1)
    return { handled, perSecond: handled / ((now() - began) / 1000) }
  },

  /** Producers that each wait for what they have queued. Jobs a second. */
  async produce({ addOne }: Engine, _args: object) {
    let added = 0
    const began = now()
    const produce = async () => {
      while (now() - began < ENQUEUE_MS) await addOne(added++)
    }
    await Promise.all(Array.from({ length: PRODUCERS }, produce))
    return added / ((now() - began) / 1000)
  },

  /** Jobs a second. */
  async bulk(engine: Engine, { count }: { count: number }) {
    const began = now()
    await commands.fill(engine, { count })
    return count / ((now() - began) / 1000)
  },

  /** From the call that queues a job to the start of its handler, one after the other. Milliseconds. */
  async latency({ addOne, work }: Engine, { count }: { count: number }) {
    let started = (_at: number) => {}
    await work(async () => started(now()))
    await sleep(500)
    const latencies: number[] = []
    for (const until = now() + LATENCY_MS; latencies.length < count && now() < until; await sleep(5)) {
      const asked = now()
      const start = new Promise<number>((resolve) => {
        started = resolve
      })
      await addOne(latencies.length)
      latencies.push((await start) - asked)
    }
    return { p50: percentile(latencies, 50), p99: percentile(latencies, 99) }
  },

  /** Jobs do nothing, and when all are done is for others to see. */
  idle: ({ work }: Engine, _args: object) => work(async () => {}, { isWide: true }),

  /** Each job calls the receiver. */
  work: ({ work }: Engine, { url }: { url: string }) => work(createCaller(url)),
}

export type Commands = {
  [Name in keyof typeof commands]: {
    args: Parameters<(typeof commands)[Name]>[1]
    answer: Awaited<ReturnType<(typeof commands)[Name]>>
  }
}

/** Answers what the parent asks for until it is told to end. */
export async function serve(open: () => Promise<Engine>): Promise<void> {
  const engine = await open()
  process.on('message', async ({ name, args }: { name: keyof typeof commands; args: never }) => {
    const answer = await commands[name](engine, args).then(
      (value) => ({ value }),
      (error: Error) => ({ error: error.stack ?? String(error) }),
    )
    process.send?.(answer)
  })
  // Its store goes with it, so there is nothing to put in order.
  process.once('SIGTERM', () => process.exit(0))
  process.send?.('ready')
}
