/**
 * Runs by hand that are asked for at the same time share one transaction and its commit. What overlaps is decided for each
 * in the order in which they came; one that PostgreSQL refuses fails none of the others.
 */
import type { OverlapPolicy, PrismaClient, Run } from '../db/generated/prisma/client.ts'
import type { Sql } from '../db/sql.ts'
import { createBatch } from '../kernel/batch.ts'
import { ConflictError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import { enqueueRuns, unblocked, type WantedRun } from './enqueue.ts'
import { lockJobs, refusalOf } from './lock-jobs.ts'
import { DEFAULT_OVERLAP } from './overlap.ts'
import type { Start, StartHere } from './start-here.ts'
import { countActive } from './transition/waiting.ts'

export type RunByHand = {
  jobId: string
  input: unknown
  /** In place of its job's. */
  overlap: OverlapPolicy | null
  priority: number | null
  /** Refused when so many of the job are under way. */
  most: number
}

type Answer = { run: Run } | { refused: unknown }

const BATCH = { maxSize: 100, maxInFlight: 4 }

export function createQueueing({
  prisma,
  transaction,
  startHere,
  settings,
}: {
  prisma: PrismaClient
  transaction: <Result>(work: (sql: Sql) => Promise<Result>) => Promise<Result>
  startHere: StartHere
  settings: { cancelGraceSeconds: number }
}) {
  async function decide(sql: Sql, asked: RunByHand[], start: Start) {
    const jobs = await lockJobs(
      sql,
      asked.map(({ jobId }) => jobId),
    )
    const bounded = asked.filter(({ most }) => most < Number.POSITIVE_INFINITY).map(({ jobId }) => jobId)
    const active = bounded.length > 0 ? await countActive(sql, [...new Set(bounded)]) : null
    const wanted: WantedRun[] = []
    const decided = asked.map(({ jobId, input, overlap, priority, most }) => {
      const job = jobs.get(jobId)
      const refused = refusalOf(job)
      if (refused) return { refused }
      const queued = wanted.filter((run) => run.jobId === jobId).length
      if (active && active(jobId).active + queued >= most) return { refused: underWay(most) }
      const policy = overlap ?? job?.overlap ?? DEFAULT_OVERLAP.MANUAL
      const run = { id: newId(), jobId, trigger: 'MANUAL' as const, input, policy }
      wanted.push({ ...run, ...(priority !== null && { priority }) })
      return run
    })
    await start(sql, unblocked(await enqueueRuns(sql, wanted, settings)))
    return decided
  }

  async function queue(asked: RunByHand[]): Promise<Answer[]> {
    const decided = await startHere((start) => transaction((sql) => decide(sql, asked, start)))
    const ids = decided.flatMap((each) => ('id' in each ? [each.id] : []))
    const rows = ids.length > 0 ? await prisma.run.findMany({ where: { id: { in: ids } } }) : []
    const byId = new Map(rows.map((run) => [run.id, run]))
    return decided.map((each): Answer => {
      if ('refused' in each) return each
      const run = byId.get(each.id)
      return run ? { run } : { refused: new Error('a run that was queued is gone') }
    })
  }

  const together = createBatch<RunByHand, Answer>(async (asked) => {
    try {
      return await queue(asked)
    } catch (refused) {
      if (asked.length === 1) return [{ refused }]
      return (await Promise.all(asked.map((each) => queue([each]).catch((refused) => [{ refused }])))).flat()
    }
  }, BATCH)

  /** @throws ConflictError HELD by an administrator, RUNNING; NotFoundError when the job was deleted */
  return async function queueRun(asked: RunByHand): Promise<Run> {
    const answer = await together(asked)
    if ('refused' in answer) throw answer.refused
    return answer.run
  }
}

function underWay(most: number): ConflictError {
  const which = most === 1 ? 'a run of the job is' : `${most} runs of the job are`
  return new ConflictError(`${which} under way`, 'RUNNING')
}
