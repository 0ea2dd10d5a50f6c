/**
 * A real PostgreSQL database in which time, restarts and notifications are simulated: `clock_timestamp()`,
 * `pg_postmaster_start_time()` and `pg_notify()` mean those of the schema `sim`, which comes first on the search path.
 * The product's statements run as they are, on real connections with real locks.
 *
 * One statement runs at a time. One that waits for the lock of an open transaction is left waiting (`blocked`), and is
 * looked at again whenever another statement may have let go of what it waits for.
 */
import pg from 'pg'
import { NODE_LOCK_CLASS } from './product.ts'
import { type Answer, type Preamble, type Statement, send } from './wire.ts'

/** What a session is told before each statement. */
export type Stamp = {
  /** The database's clock, which may jump. */
  now: Date
  /** Virtual time, which does not. */
  elapsed: number
  /** When PostgreSQL was started. */
  started: Date
  /** Whose statement it is: a node's id, or another name. */
  actor: string
}

export type Session = { client: pg.Client; pid: number; notices: string[]; actor: string }
type Running = { session: Session; answer: Answer | undefined; onAnswer: (answer: Answer) => unknown }

export type SimulatedDatabase = Awaited<ReturnType<typeof openSimulatedDatabase>>

/** Whose jobs all are. */
export const OWNER_ID = '00000000-0000-7000-8000-000000000001'

const SCHEMA = `
create schema sim;
create function sim.clock_timestamp() returns timestamptz language sql volatile
  as $$ select current_setting('sim.now')::timestamptz $$;
create function sim.pg_postmaster_start_time() returns timestamptz language sql volatile
  as $$ select current_setting('sim.started')::timestamptz $$;
create function sim.pg_notify(channel text, topic text) returns void language plpgsql volatile
  as $$ begin raise notice 'told %', topic; end $$;
create function sim.elapsed() returns timestamptz language sql volatile
  as $$ select to_timestamp(current_setting('sim.elapsed')::float8 / 1000) $$;
create function sim.watch_leases() returns trigger language plpgsql as $$
begin
  if old.lease_owner::text <> current_setting('sim.actor') and old.lease_until >= sim.clock_timestamp()
    and (old.cancel_by is null or old.cancel_by >= sim.clock_timestamp())
    and not exists (select from run_attempt a where a.run_id = old.run_id and a.attempt = old.attempt
      and a.finished_at <> sim.clock_timestamp()) then
    raise notice 'broke % %', old.lease_owner, old.run_id;
  end if;
  return null;
end $$;
create trigger sim_lease_changed after update on public.run_queue for each row
  when (old.lease_owner is not null and new.lease_owner is distinct from old.lease_owner)
  execute function sim.watch_leases();
create function sim.watch_renewals() returns trigger language plpgsql as $$
begin
  if new.lease_owner::text is distinct from current_setting('sim.actor') then
    raise notice 'renewed % of %', new.run_id, new.lease_owner;
  end if;
  return null;
end $$;
create trigger sim_lease_renewed after update on public.run_queue for each row
  when (new.lease_until > old.lease_until) execute function sim.watch_renewals();
create trigger sim_lease_ended after delete on public.run_queue for each row
  when (old.lease_owner is not null) execute function sim.watch_leases();
create function sim.watch_ends() returns trigger language plpgsql as $$
begin
  if current_setting('sim.actor') <> 'user' and not new.deletion_queued and exists (
    select from public.run_queue q join public.run r on r.id = q.run_id
    where q.job_id = new.id and r.trigger = 'SCHEDULE') then
    raise notice 'ended %', new.id;
  end if;
  return null;
end $$;
create trigger sim_job_ended after update on public.job for each row
  when (old.enabled and not new.enabled) execute function sim.watch_ends();
alter table public.run_event alter column at set default sim.elapsed();
alter table public.domain_event alter column created_at set default sim.clock_timestamp();
insert into public.principal (id, handle) values ('${OWNER_ID}', 'owner');`

/** Time is told before each statement; whose it is, and since when the server runs, when that has changed. */
function stampsOf(session: Session, { now, elapsed, started, actor }: Stamp): Preamble[] {
  const stamps: Preamble[] = [{ name: 'sim_time', values: [now.toISOString(), String(elapsed)] }]
  const whose = `${started.toISOString()} ${actor}`
  if (session.actor !== whose) stamps.push({ name: 'sim_actor', values: [started.toISOString(), actor] })
  session.actor = whose
  return stamps
}

/** What a history leaves behind, in an order that foreign keys do not care about. */
const TABLES = [
  ...['run_event', 'run_queue', 'run_attempt', 'run_step', 'delivery', 'run', 'domain_event'],
  ...['signing_secret', 'action', 'job', 'schedule', 'node'],
]

const OPTIONS = [
  ...['search_path=sim,pg_catalog,public', 'synchronous_commit=off', 'plan_cache_mode=force_generic_plan'],
  ...['deadlock_timeout=1ms', 'enable_seqscan=off', 'enable_hashjoin=off', 'enable_mergejoin=off'],
  ...['enable_bitmapscan=off', 'jit=off', 'timezone=UTC'],
]

/** Real milliseconds after which a statement that gave no answer is suspected to wait for a lock. */
const SUSPICIOUS_MS = 3
const VACUUM_EVERY = 25

export async function openSimulatedDatabase(connection: pg.ClientConfig) {
  const control = new pg.Client({ ...connection, application_name: 'control' })
  await control.connect()
  await control.query(SCHEMA)
  for (const table of TABLES) await control.query(`alter table ${table} set (autovacuum_enabled = false)`)
  const sessions = new Set<Session>()
  const idle: Session[] = []
  let blocked: Running[] = []
  let histories = 0

  async function open(): Promise<Session> {
    const options = OPTIONS.map((option) => `-c ${option}`).join(' ')
    const client = new pg.Client({ ...connection, application_name: 'runsheet simulation', options })
    await client.connect()
    await client.query(`
      prepare sim_time(text, text) as
        select where concat(set_config('sim.now', $1, false), set_config('sim.elapsed', $2, false)) = '';
      prepare sim_actor(text, text) as
        select where concat(set_config('sim.started', $1, false), set_config('sim.actor', $2, false)) = ''`)
    await client.query({ name: 'sim_begin', text: 'begin' })
    await client.query('rollback')
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    const session: Session = { client, pid: rows[0]?.pid ?? 0, notices: [], actor: '' }
    client.on('notice', ({ message }) => session.notices.push(message ?? ''))
    sessions.add(session)
    return session
  }

  /** Whether it waits for another of our sessions. */
  async function waits({ pid }: Session): Promise<boolean> {
    const pids = [...sessions].map((session) => session.pid)
    const { rows } = await control.query<{ waits: boolean }>({
      name: 'waits',
      text: 'select pg_blocking_pids($1) && $2::int[] as waits',
      values: [pid, pids],
    })
    return rows[0]?.waits ?? false
  }

  /** Looks until each has an answer or is known to wait. */
  async function look(running: Running[]): Promise<void> {
    for (const each of running) {
      while (!each.answer && !(await waits(each.session))) await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }

  async function lookAtBlocked(): Promise<void> {
    for (let progress = true; progress && blocked.length > 0; ) {
      await look(blocked)
      const answered = blocked.filter(({ answer }) => answer)
      blocked = blocked.filter(({ answer }) => !answer)
      for (const { session, answer, onAnswer } of answered) {
        session.actor = ''
        await onAnswer(answer as Answer)
      }
      progress = answered.length > 0
    }
  }

  return {
    control,
    sessions: () => sessions.size,
    openSessions: () => sessions.size - idle.length,
    blocked: () => blocked.length,

    acquire: async (): Promise<Session> => idle.pop() ?? (await open()),
    release(session: Session) {
      session.notices = []
      idle.push(session)
    },

    /** Runs a statement. `onAnswer` is called with what comes of it: before this resolves, or after what it waits for. */
    async perform(
      session: Session,
      stamp: Stamp,
      statement: Statement,
      begins: boolean,
      onAnswer: (answer: Answer) => unknown,
    ): Promise<void> {
      const preambles = stampsOf(session, stamp)
      if (begins) preambles.unshift({ name: 'sim_begin', values: [] })
      const running: Running = { session, answer: undefined, onAnswer }
      const answered = send(session.client, preambles, statement).then((answer) => {
        running.answer = answer
      })
      if (sessions.size - idle.length > 1) {
        let suspicion: NodeJS.Timeout | undefined
        const suspicious = new Promise<void>((resolve) => {
          suspicion = setTimeout(resolve, SUSPICIOUS_MS)
        })
        await Promise.race([answered, suspicious])
        clearTimeout(suspicion)
        await look([running])
      } else await answered
      if (running.answer && 'error' in running.answer) session.actor = ''
      if (!running.answer) {
        blocked.push(running)
        return
      }
      await onAnswer(running.answer)
      await lookAtBlocked()
    },

    /** Ends a transaction. What waited for it goes on. */
    async end(session: Session, how: 'commit' | 'rollback'): Promise<Answer> {
      const waiting = blocked.find((each) => each.session === session)
      if (waiting) {
        await control.query('select pg_cancel_backend($1)', [session.pid])
        await look([waiting])
        blocked = blocked.filter((each) => each !== waiting)
      }
      // What was set in a transaction that is undone is undone with it.
      session.actor = ''
      const answer = await session.client.query(how).then(
        (): Answer => ({ rows: [] }),
        (error: Error): Answer => ({ error }),
      )
      await lookAtBlocked()
      return answer
    },

    /** The row and the lock of a node, as its session takes them. */
    async register(nodeId: string, started: Date): Promise<void> {
      await control.query({
        name: 'register',
        text: `with registered as (
            insert into node (id, host, pid, postmaster_started_at) values ($1, 'simulated', 0, $2)
            on conflict (id) do update set postmaster_started_at = excluded.postmaster_started_at returning lock_key)
          select pg_try_advisory_lock($3, lock_key) from registered`,
        values: [nodeId, started, NODE_LOCK_CLASS],
      })
    },
    async dropLock(nodeId: string): Promise<void> {
      await control.query({
        name: 'drop_lock',
        text: 'select pg_advisory_unlock($2, lock_key) from node where id = $1',
        values: [nodeId, NODE_LOCK_CLASS],
      })
    },
    dropLocks: () => control.query('select pg_advisory_unlock_all()'),
    forget: (nodeId: string) => control.query('delete from node where id = $1', [nodeId]),

    /** As it was before the history. */
    async clean(): Promise<void> {
      if (blocked.length > 0 || sessions.size > idle.length) throw new Error('a history left transactions open')
      const deletes = TABLES.map((table) => `delete from ${table}`).join(';')
      await control.query(
        `set session_replication_role = replica; ${deletes}; reset session_replication_role;
        select pg_advisory_unlock_all(); select setval('run_event_position_seq', 1, false)`,
      )
      if (histories++ % VACUUM_EVERY === 0) await control.query(`vacuum (truncate off) ${TABLES.join(', ')}`)
    },
    async close(): Promise<void> {
      await Promise.all([...sessions].map(({ client }) => client.end()))
      await control.end()
    },
  }
}
