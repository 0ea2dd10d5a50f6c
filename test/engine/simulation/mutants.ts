/**
 * The product with one of its guards taken away, at the ports or in the database: what the simulation must catch. Each
 * says what it changes in the text of a statement; one that finds its statement and nothing to change there is stale.
 */
import { labelOf } from './statements.ts'

/** Nodes that stand still at a moment and go on at another; transactions that linger; what users do, to jobs of one trigger. */
export type Focus = {
  freeze?: { at: string; until: string; within: number }
  linger?: boolean
  users?: { deeds: string[]; count: number }
  /** Jobs with slots end with the last, and their runs wait for each other. */
  ends?: true
}

export type Mutant = {
  name: string
  /** Invariants of which it breaks at least one. */
  breaks: string[]
  /** Another text for a statement that follows one with the label `previous`; the same where it has nothing to change. */
  rewrite?(text: string, previous: string): string
  /** Statements of the transaction that begins with this one commit one by one. */
  loosens?: string
  /** Timers of so many milliseconds never ring. */
  ignores?(ms: number): boolean
  /** What there is more of in its histories: else the one thing that shows it were rare. */
  focus?: Focus
  /** What is done to the database before, and undone after. */
  prepare?: { do: string; undo: string }
}

const DOUBLE = 'a slot has one run'
const BROKEN_LEASE = 'a lease that runs is broken by its owner only'
const SENTENCE = 'events follow each other as states do'
const ENDS_ONCE = 'a run ends once, and nothing comes after'
const PROVEN = 'a result is that of the attempt which its row names'
const COUNTED = 'attempts are counted'
const NO_OVERLAP = 'runs that exclude each other do not overlap'
const REFUSED = 'no statement is refused'
const REST = 'everything comes to rest'
const ENDS_LATE = 'a job is over when the runs of its slots are'
const LEAVES = 'the next slot deletes a job that is to go with it'
const STREAM = 'a stream has every event once and in order'

/** Replaces each pair in the statement with this label, and must find them all. */
const replacing = (label: string, ...pairs: [from: string, to: string][]) => {
  const rewritten = new Map<string, string>()
  return (text: string): string => {
    if (labelOf(text) !== label) return text
    let result = rewritten.get(text)
    if (result !== undefined) return result
    result = text
    for (const [from, to] of pairs) {
      if (!result.includes(from)) throw new Error(`stale mutant: ${label} has no ${JSON.stringify(from)}`)
      result = result.replaceAll(from, to)
    }
    rewritten.set(text, result)
    return result
  }
}

const OWNED_BY_2 = 'lease_owner = $2::uuid'
const ATTEMPT_OF = (attempts: string, ids: string) =>
  `attempt = (${attempts}::int[])[array_position(${ids}::uuid[], run_id)]`

const JOBS_LOCKED = `), locked as materialized (
  select id from job where id = any($4::uuid[]) order by id for no key update
`

export const MUTANTS: Mutant[] = [
  {
    name: 'a slot may have two runs',
    breaks: [DOUBLE],
    prepare: {
      do: 'drop index run_slot',
      undo: `create unique index run_slot on run (job_id, scheduled_for) where trigger = 'SCHEDULE'`,
    },
  },
  {
    name: 'a start takes what is leased to others',
    breaks: [SENTENCE, COUNTED, ENDS_ONCE, BROKEN_LEASE, NO_OVERLAP],
    rewrite: replacing('start', ['lease_owner is null and', '']),
  },
  {
    name: 'a settlement asks for no lease and no attempt',
    breaks: [SENTENCE, COUNTED, ENDS_ONCE, BROKEN_LEASE, REFUSED, PROVEN],
    rewrite: replacing(
      'settle',
      [OWNED_BY_2, '$2::uuid is not null'],
      [ATTEMPT_OF('$6', '$5'), '$6::int[] is not null'],
      [ATTEMPT_OF('$8', '$7'), '$8::int[] is not null'],
    ),
    focus: { freeze: { at: 'advance', until: 'start', within: 60 } },
  },
  {
    name: 'a checkpoint asks for no lease and no attempt',
    breaks: [SENTENCE, COUNTED, PROVEN],
    rewrite: replacing('advance', [
      'attempt = $2 and lease_owner = $3::uuid',
      '$2::int is not null and $3::uuid is not null',
    ]),
    focus: { freeze: { at: 'start', until: 'start', within: 60 } },
  },
  {
    name: 'a report asks for no lease and no attempt',
    breaks: [SENTENCE],
    rewrite: replacing('report', [
      'and h.attempt = coalesce(g.attempt, h.attempt) and h.lease_owner = coalesce(g."leaseOwner", h.lease_owner)',
      '',
    ]),
    focus: { freeze: { at: 'start', until: 'start', within: 60 } },
  },
  {
    name: 'a renewal asks for no lease',
    breaks: ['whose lease is lost is told', 'a lease is renewed by its owner only'],
    rewrite: replacing('renew', ['lease_owner = $1::uuid', '$1::uuid is not null']),
    focus: { freeze: { at: 'start', until: 'start', within: 60 } },
  },
  {
    name: 'dispatching is no transaction',
    breaks: [NO_OVERLAP],
    loosens: 'pending events',
    focus: { linger: true, users: { deeds: ['both'], count: 6 } },
  },
  {
    name: 'firing is no transaction',
    breaks: [
      NO_OVERLAP,
      'no slot fires that was not due',
      'every slot that was due is accounted for',
      'every slot is accounted for once',
    ],
    loosens: 'due jobs',
    focus: { linger: true, users: { deeds: ['run', 'pause', 'reschedule'], count: 8 } },
  },
  {
    name: 'a settlement takes queue entries before jobs',
    breaks: ['no deadlock'],
    rewrite: replacing(
      'settle',
      [JOBS_LOCKED, ''],
      [' and (select count(*) from locked) >= 0', ''],
      [
        '), fenced as (',
        `${JOBS_LOCKED.replace('order by', 'and (select count(*) from kept) >= 0 order by')}), fenced as (`,
      ],
      ['  where run.id = g."runId"', '  where run.id = g."runId" and (select count(*) from locked) >= 0'],
    ),
    focus: { linger: true, users: { deeds: ['run', 'run', 'cancel'], count: 8 } },
  },
  {
    name: 'the feed passes on whatever it reads',
    breaks: [STREAM],
    rewrite: replacing('open ids', ['backend_xid is not null', 'backend_xid is not null and false']),
  },
  {
    name: 'the feed takes the latest completed transaction for the open ones',
    breaks: [STREAM],
    // `pg_snapshot_xmax`, without what others in the cluster do.
    rewrite: (text, previous) =>
      labelOf(text) === 'open ids' && previous === 'log page'
        ? 'select max(xid)::text::float8 as id from run_event having count(*) > 0'
        : text,
  },
  {
    name: 'a settlement ends a job whatever of it waits',
    breaks: [ENDS_LATE],
    rewrite: replacing(
      'settle',
      [`coalesce(job.overlap, 'SKIP') = 'SKIP'`, 'true'],
      ['select from run_queue q where', 'select from run_queue q where false and'],
    ),
    focus: { ends: true, users: { deeds: ['run'], count: 8 } },
  },
  {
    name: 'a slot that is to delete its job runs',
    breaks: [LEAVES, 'no slot runs that was to delete its job'],
    rewrite: replacing('due jobs', ['j.deletion_queued as', 'false as']),
    focus: { users: { deeds: ['leave'], count: 4 } },
  },
  {
    name: 'nobody sweeps',
    breaks: [REST],
    ignores: (ms) => ms === 5_000,
  },
  {
    name: 'a takeover does not ask whether the lease ran out',
    breaks: [BROKEN_LEASE],
    rewrite: replacing('settle', [
      ' and (not $3::boolean or lease_until < clock_timestamp())',
      ' and $3::boolean is not null',
    ]),
    focus: { freeze: { at: 'start', until: 'expired', within: 3 } },
  },
  {
    name: 'a missing lock proves a death after a restart of PostgreSQL, too',
    breaks: [BROKEN_LEASE],
    rewrite: replacing('missing nodes', ['postmaster_started_at = pg_postmaster_start_time()', 'true']),
  },
]
