/** The engine's statements by what is peculiar to them: to name them in a trace, and for mutants to find them. */
const MARKS: [label: string, mark: RegExp][] = [
  ['open step', /s\.attempt < excluded\.attempt/],
  ['report', /log_dropped = s\.log_dropped/],
  ['start', /started as \(\s*update run set status = 'RUNNING'/],
  ['advance', /moved as \(\s*update run set step = step/],
  ['settle', /taken_back as/],
  ['record', /insert into run \(id/],
  ['renew', /set lease_until = clock_timestamp\(\)/],
  ['strays', /run_id <> all/],
  ['of node', /where q\.lease_owner = \$1::uuid/],
  ['expired', /q\.lease_until < clock_timestamp\(\)/],
  ['stuck', /select distinct job_id from run_queue where blocked/],
  ['missing nodes', /pg_try_advisory_xact_lock_shared/],
  ['forget node', /delete from node/],
  ['due jobs', /where j\.next_run_at <= /],
  ['set next slots', /update job set next_run_at/],
  ['next due', /next_run_at - clock_timestamp\(\)/],
  ['next available', /available_at\)? - clock_timestamp\(\)/],
  ['pending events', /from domain_event\s+where dispatched_at is null/],
  ['listeners', /listener as materialized/],
  ['dispatched', /set dispatched_at/],
  ['count', /count\(\*\) filter \(where blocked\)/],
  ['waiting', /select j\.id from unnest/],
  ['cancel', /asked as \(/],
  ['hold jobs', /select id from job where id = any/],
  ['unblock', /freed as/],
  ['overdue cancels', /cancel_by < clock_timestamp\(\)/],
  ['lock limits', /pg_try_advisory_xact_lock\(/],
  ['skip waiting', /skipped as/],
  ['open ids', /select backend_xid/],
  ['open since', /min\(xact_start\)/],
  ['ending jobs', /where end_of_life <> 'KEEP' and enabled/],
  ['end jobs', /set enabled = false, deleted_at = case/],
  ['delete jobs', /set enabled = false, next_run_at = null, deleted_at/],
  ['log page', /e\.position > \$1/],
]

const labels = new Map<string, string>()

export function labelOf(text: string): string {
  let label = labels.get(text)
  if (label === undefined) {
    label = MARKS.find(([, mark]) => mark.test(text))?.[0] ?? text.replace(/\s+/g, ' ').trim().slice(0, 60)
    labels.set(text, label)
  }
  return label
}

/** What is not worth a slow commit: it writes nothing, or what no transaction of others looks at. */
export const isQuick = (text: string): boolean => /^\s*select|missing|delete from node/.test(text)

/**
 * Rows whose order PostgreSQL is free to choose, in one that the seed decides: by ids, which are in the order of their
 * making.
 */
export function inOrder(label: string, rows: Record<string, unknown>[]): Record<string, unknown>[] {
  if (rows.length < 2 || !UNORDERED.has(label)) return rows
  const keys = new Map(
    rows.map((row) => [row, JSON.stringify(label === 'due jobs' ? [row.nextRunAt, row.jobId] : row)]),
  )
  const keyOf = (row: Record<string, unknown>) => keys.get(row) ?? ''
  return rows.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

const UNORDERED = new Set([
  'due jobs',
  'start',
  'strays',
  'settle',
  'expired',
  'of node',
  'stuck',
  'waiting',
  'missing nodes',
  'cancel',
  'overdue cancels',
  'renew',
  'report',
  'skip waiting',
  'ending jobs',
])
