/** What must hold of every history, once it has come to rest. */
import type { Performance, Proof } from './actions.ts'
import { checkSlots } from './due-slots.ts'
import { checkEnd } from './ends.ts'
import type { Job } from './jobs.ts'
import { groupBy, type Ledger, type LoggedEvent, type Run } from './ledger.ts'
import { CANCEL_GRACE_SECONDS } from './node.ts'
import type { Follower } from './observer.ts'
import { checkRunLog } from './run-log.ts'
import type { Emitted } from './users.ts'
import type { World } from './world.ts'

export type History = {
  world: World
  jobs: Job[]
  emitted: Emitted[]
  cancelled: Map<string, number>
  /** Since when nothing goes wrong. */
  calm: number
  performances: Performance[]
  followers: Follower[]
  ledger: Ledger
}

export function checkHistory(history: History): void {
  const { world, jobs, ledger } = history
  const logs = groupBy(ledger.events, ({ runId }) => runId)
  const attempts = groupBy(ledger.attempts, ({ runId }) => runId)
  for (const run of ledger.runs) {
    const flaw = checkRunLog(run, logs.get(run.id) ?? [], attempts.get(run.id) ?? [], world.wentBack())
    if (flaw) world.violate(flaw.invariant, `run ${run.id}: ${flaw.detail}`)
  }
  checkOutputs(history)
  checkTelling(history)
  checkListeners(history, checkFailures(history))
  checkStreams(history)
  checkLimits(history)
  checkCancelled(history, logs)
  for (const job of jobs) {
    const runs = ledger.runs.filter(({ jobId }) => jobId === job.id)
    checkSlots(world, job, runs)
    checkEnd(world, job, runs, ledger)
    if (job.isExclusive) checkExclusion(world, runs, logs)
  }
}

/** A result is that of the attempt that the row names. */
function checkOutputs({ world, ledger }: History) {
  const flawOf = (output: unknown, id: string, attempt: number) => {
    const proof = output as Proof | null
    return proof && (proof.runId !== id || proof.attempt !== attempt)
  }
  const violate = (id: string) => world.violate('a result is that of the attempt which its row names', id)
  for (const { id, output, attempt, status } of ledger.runs) {
    if (status === 'SUCCEEDED' && (output === null || flawOf(output, id, attempt))) violate(`run ${id}`)
  }
  for (const { runId, position, attempt, status, output } of ledger.steps) {
    if (status === 'SUCCEEDED' && flawOf(output, runId, attempt)) violate(`run ${runId}, step ${position}`)
  }
}

const HEARING_MS = 10_000

/** Whose run was taken away is told so. Nobody tells a node that stands still, nor one that reaches nobody. */
function checkTelling({ world, performances, ledger }: History) {
  const lost = new Map<string, number>()
  for (const { runId, kind, data, at } of ledger.events) {
    if (kind === 'RETRYING' && data?.error?.code === 'LOST') lost.set(`${runId} ${data.attempt}`, at)
  }
  for (const { runId, attempt, process, ended, told } of performances) {
    const since = lost.get(`${runId} ${attempt}`)
    if (since === undefined || process.dead || told !== null) continue
    if ((ended ?? world.timeline.now()) > since + HEARING_MS) {
      world.violate('whose lease is lost is told', `${process.name}, run ${runId}, attempt ${attempt}`)
    }
  }
}

/** A run that has failed is an event, once; no other is. Answers those events. */
function checkFailures({ world, ledger }: History): Emitted[] {
  const events = groupBy(ledger.domainEvents, ({ runId }) => runId ?? '')
  for (const { id, status } of ledger.runs) {
    const count = events.get(id)?.length ?? 0
    if (count !== Number(status === 'FAILED')) {
      world.violate('a run that has failed is an event, once', `run ${id}, ${status}: ${count}`)
    }
  }
  return ledger.events.flatMap(({ runId, kind, at }) => {
    const event = kind === 'FAILED' && events.get(runId)?.[0]
    return event ? [{ id: event.id, type: event.type, at }] : []
  })
}

/** Each event has one run per job that listened all the time, and none of a job that never did. */
function checkListeners({ world, jobs, emitted, ledger }: History, failures: Emitted[]) {
  const violate = (detail: string) => world.violate('each event has exactly one run of each job that listens', detail)
  const kept = ledger.domainEvents.filter(({ runId, type }) => runId === null && type !== 'job.paused').length
  if (emitted.length !== kept) violate(`${emitted.length} emitted, ${kept} kept`)
  for (const { id, type, at } of [...emitted, ...failures]) {
    for (const job of jobs) {
      const runs = ledger.runs.filter(
        ({ jobId, domainEventId, trigger }) => jobId === job.id && domainEventId === id && trigger === 'EVENT',
      )
      const expected = job.eventType === type && job.isEnabled ? 1 : 0
      if (runs.length > 1 || (job.changedAt < at && runs.length !== expected)) {
        violate(`event ${id} (${type}), job ${job.id}: ${runs.length} runs`)
      }
    }
  }
}

/** Runs of a job whose policies are all exclusive come one after the other. */
function checkExclusion(world: World, runs: Run[], logs: Map<string, LoggedEvent[]>) {
  const spans = runs.flatMap(({ id }) => {
    const log = logs.get(id) ?? []
    const start = log.find(({ kind }) => kind === 'STARTED')
    return start ? [{ id, from: start.position, to: log.at(-1)?.position ?? 0 }] : []
  })
  spans.sort((a, b) => a.from - b.from)
  for (const [index, { id, from }] of spans.entries()) {
    const other = spans.slice(0, index).find(({ to }) => to > from)
    if (other) world.violate('runs that exclude each other do not overlap', `${id} began before ${other.id} was final`)
  }
}

/** So many runs of a group work at once, and no more. */
function checkLimits({ world, jobs, ledger }: History) {
  const groups = new Map(
    jobs.map(({ id, group }) => [id, group && { ...group, name: group.name === 'own' ? id : group.name }]),
  )
  const working = new Map<string, string>()
  for (const { runId, jobId, kind } of ledger.events) {
    const group = groups.get(jobId)
    if (!group || kind.startsWith('STEP')) continue
    if (kind === 'STARTED') working.set(runId, group.name)
    else working.delete(runId)
    const count = [...working.values()].filter((name) => name === group.name).length
    if (count > group.limit) world.violate('a limit holds', `${count} of ${group.name} at ${runId}`)
  }
}

const CANCEL_MS = 1_000 * CANCEL_GRACE_SECONDS + 8_000

/** What was cancelled does not begin again, and ends in time unless something else goes wrong. */
function checkCancelled({ world, cancelled, calm }: History, logs: Map<string, LoggedEvent[]>) {
  for (const [id, at] of cancelled) {
    const log = logs.get(id) ?? []
    if (log.some((event) => event.kind === 'STARTED' && event.at > at))
      world.violate('what is cancelled does not begin', id)
    if ((log.at(-1)?.at ?? 0) > Math.max(at, calm) + CANCEL_MS) world.violate('what is cancelled ends in time', id)
  }
}

/** A stream has every event once, in the order of the log, from where it began; that of one run ends with it. */
function checkStreams({ world, followers, ledger }: History) {
  for (const { name, runId, got, hasEnded } of followers) {
    const log = ledger.events.filter((event) => runId === null || event.runId === runId).map(({ position }) => position)
    const first = got[0]?.position ?? Number.POSITIVE_INFINITY
    const expected = name === 'from the start' ? log : log.filter((position) => position >= first)
    const positions = got.map(({ position }) => position)
    if (positions.join() !== expected.join()) {
      const missing = expected.filter((position) => !positions.includes(position))
      const detail = `${name}: ${positions.length} of ${expected.length}, missing ${missing.slice(0, 10).join(', ')}`
      world.violate('a stream has every event once and in order', detail)
    }
    if (runId !== null && !hasEnded) world.violate('the stream of a run ends with it', name)
  }
}
