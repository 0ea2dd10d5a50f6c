/** What goes on while the machines fail: jobs every second under several policies, events, and runs by hand. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Api } from './api.ts'
import type { Random } from './random.ts'

const EVENT = 'chaos.happened'
const PAUSE_MS = [100, 500] as const
const GIVE_UP_MS = 60_000

const CREATE = `mutation($input: CreateJobInput!) {
  createJob(input: $input) { ... on Job { id nextRunAt } ... on Error { message } }
}`
const PAUSE = `mutation($input: PauseJobInput!) { pauseJob(input: $input) { ... on Job { id } ... on Error { message } } }`
const EMIT = `mutation($input: EmitEventInput!) {
  emitEvent(input: $input) { ... on DomainEvent { id } ... on Error { message } }
}`
const RUN = `mutation($input: RunJobInput!) { runJob(input: $input) { ... on Run { id } ... on Error { message } } }`

export type Ticking = {
  name: string
  id: string
  firstSlot: Date
  /** Until then it surely was not paused. */
  until: Date
}

export type Load = Awaited<ReturnType<typeof startLoad>>

export async function startLoad(api: Api, receiver: string, random: Random) {
  const call = (path: string) => ({ webhook: { url: `${receiver}/${path}` } })
  const create = (name: string, input: object) =>
    api.mutate<{ id: string; nextRunAt: string }>(CREATE, { name, ...input }, GIVE_UP_MS)
  const everySecond = { schedule: { every: { seconds: 1 } } }
  const patient = { maxAttempts: 50, backoff: 'FIXED', initialDelay: 1, jitter: false }

  const ticking: Ticking[] = []
  for (const [name, input] of Object.entries({
    allow: { overlap: 'ALLOW', actions: [call('quick')] },
    skip: { overlap: 'SKIP', actions: [call('slow')] },
    'queue one': { overlap: 'QUEUE_ONE', actions: [call('slow')] },
    'queue all, catch all up': { overlap: 'QUEUE_ALL', catchUp: 'ALL', actions: [call('slow')] },
    'catch none up': { catchUp: 'NONE', actions: [call('quick')] },
    'three steps': { overlap: 'ALLOW', actions: [call('quick'), call('slow'), call('quick')] },
    retried: { overlap: 'ALLOW', retry: patient, actions: [call('flaky')] },
  })) {
    const { id, nextRunAt } = await create(name, { ...everySecond, ...input })
    ticking.push({ name, id, firstSlot: new Date(nextRunAt), until: new Date() })
  }
  const listeners = [
    await create('in turn', { eventType: EVENT, actions: [call('quick')] }),
    await create('at once', { eventType: EVENT, overlap: 'ALLOW', actions: [call('slow')] }),
  ]
  const byHand = await create('by hand', { overlap: 'ALLOW', actions: [call('quick')] })

  /** What the API said yes to. */
  const events: string[] = []
  const runs: string[] = []
  let refused = 0
  let stopped = false

  /** A request without an answer may or may not have been done: nothing is concluded from it. */
  async function repeat(mutation: string, input: object, done: string[]) {
    while (!stopped) {
      await api.mutate<{ id: string }>(mutation, input).then(
        ({ id }) => done.push(id),
        () => refused++,
      )
      await sleep(random.between(...PAUSE_MS))
    }
  }
  const repeating = Promise.all([repeat(EMIT, { type: EVENT }, events), repeat(RUN, { jobId: byHand.id }, runs)])

  return {
    ticking,
    listeners: listeners.map(({ id }) => id),
    events,
    runs,
    refused: () => refused,
    /** No more of anything; what is under way goes on. */
    async stop() {
      stopped = true
      await repeating
      for (const job of ticking) {
        const end = Date.now() + GIVE_UP_MS
        for (let paused = false; !paused; ) {
          job.until = new Date()
          paused = await api.mutate(PAUSE, { jobId: job.id }).then(
            () => true,
            (error) => {
              if (Date.now() > end) throw error
              return false
            },
          )
        }
      }
    },
  }
}
