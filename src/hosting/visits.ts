/**
 * Says `artifact.viewed` when somebody looks at a page, at most once an hour for each visitor and artifact, whichever
 * node they come to: the database decides, and a bounded memory of who was here keeps most questions from it. Visitors
 * are kept as keyed hashes, so nobody can tell from them who came. It happens after the answer; a flood that it cannot
 * keep up with goes uncounted.
 */
import { createHmac } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type pg from 'pg'
import { inTransaction, type Sql, sqlOn } from '../db/sql.ts'
import { emit } from '../events/outbox.ts'
import { createBatch } from '../kernel/batch.ts'
import { growingTo } from '../kernel/growing.ts'
import { formatId } from '../kernel/ids.ts'
import type { Log } from '../kernel/log.ts'

/** Who looks: a principal or, of those who are not signed in, an address and a browser. */
type Visitor = { principalId: string } | { ip: string; userAgent: string }

/** `path`: below the site's root, with a slash before it. */
export type View = { artifactId: string; ownerId: string; path: string; visitor: Visitor }

export type Visits = ReturnType<typeof createVisits>

const HOUR_MS = 3_600_000
/** Visitors that are remembered. */
const REMEMBERED = 50_000
/** Views that wait to be written; more go uncounted. */
const WAITING_LIMIT = 1_000
/** Views in one transaction. */
const BATCH = 50
/** Milliseconds between two lookings for visits that are of no use any more. */
const SWEEP_MS = 600_000
const SWEPT_AT_ONCE = 1_000

/** In the order of the keys: two nodes that write the same visitors wait for each other instead of deadlocking. */
const COUNT = `
with given as materialized (
  select distinct on (g.artifact_id, g.visitor) g.n, g.artifact_id, g.visitor
  from unnest($1::uuid[], $2::bytea[]) with ordinality as g(artifact_id, visitor, n)
  join artifact a on a.id = g.artifact_id and a.deleted_at is null
  order by g.artifact_id, g.visitor, g.n
), counted as (
  insert into artifact_visit (artifact_id, visitor, at)
  select artifact_id, visitor, now() from given order by artifact_id, visitor
  on conflict (artifact_id, visitor) do update set at = excluded.at
    where artifact_visit.at <= now() - interval '1 hour'
  returning artifact_id, visitor
)
select g.n::int, c.visitor is not null as counted,
  (extract(epoch from before.at + interval '1 hour' - now()) * 1000)::float as "waitMs"
from given g
left join counted c on c.artifact_id = g.artifact_id and c.visitor = g.visitor
left join artifact_visit before on before.artifact_id = g.artifact_id and before.visitor = g.visitor
order by g.n`

const SWEEP = `
with old as (
  select artifact_id, visitor from artifact_visit where at <= now() - interval '1 hour'
  order by at limit ${SWEPT_AT_ONCE} for update skip locked
)
delete from artifact_visit v using old where v.artifact_id = old.artifact_id and v.visitor = old.visitor`

type Waiting = View & { hash: Buffer; key: string }
type Outcome = { n: number; counted: boolean; waitMs: number | null }

/** `key`: for the hashes of visitors; the same on every node. */
export function createVisits({ pool, key, log }: { pool: pg.Pool; key: Buffer; log: Pick<Log, 'warn'> }) {
  const recent = new LRUCache<string, true>({ ...growingTo(REMEMBERED), ttl: HOUR_MS })
  const pending = new Set<Promise<unknown>>()
  let sweptAt = Number.NEGATIVE_INFINITY
  let closed = false

  const write = createBatch<Waiting, void>(
    async (views) => {
      const outcomes = await inTransaction(pool, (sql) => count(sql, views))
      for (const { n, counted, waitMs } of outcomes) {
        const view = views[n - 1]
        if (view && !counted && waitMs !== null) recent.set(view.key, true, { ttl: Math.max(1, waitMs) })
      }
      return views.map(() => undefined)
    },
    { maxSize: BATCH, maxInFlight: 1 },
  )

  async function sweep() {
    if (performance.now() - sweptAt < SWEEP_MS) return
    sweptAt = performance.now()
    await sqlOn(pool)(SWEEP)
  }

  return {
    /** Takes note of a view that was answered. */
    saw(view: View): void {
      if (closed || pending.size >= WAITING_LIMIT) return
      const hash = hashOf(key, view.visitor)
      const name = `${view.artifactId} ${hash.toString('base64')}`
      if (recent.has(name)) return
      recent.set(name, true)
      const writing: Promise<unknown> = write({ ...view, hash, key: name })
        .then(sweep)
        .catch((error) => {
          recent.delete(name)
          log.warn({ err: error }, 'a view could not be counted')
        })
        .finally(() => pending.delete(writing))
      pending.add(writing)
    },

    /** When all that was seen is written; nothing is seen any more. */
    async close(): Promise<void> {
      closed = true
      await Promise.all(pending)
    },
  }
}

async function count(sql: Sql, views: Waiting[]): Promise<Outcome[]> {
  const outcomes = await sql<Outcome>(COUNT, [views.map((view) => view.artifactId), views.map(({ hash }) => hash)])
  for (const { n, counted } of outcomes) {
    const view = views[n - 1]
    if (!view || !counted) continue
    const { artifactId, ownerId, path } = view
    const payload = { artifactId: formatId('Artifact', artifactId), path }
    await emit(sql, { type: 'artifact.viewed', ownerId, artifactId, payload })
  }
  return outcomes
}

function hashOf(key: Buffer, visitor: Visitor): Buffer {
  const name = 'principalId' in visitor ? ['principal', visitor.principalId] : ['other', visitor.ip, visitor.userAgent]
  return createHmac('sha256', key).update(JSON.stringify(name)).digest()
}
