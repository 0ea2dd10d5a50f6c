/**
 * The connections of one process, in the shape of pg's pool: each statement is sent, executed and answered at instants
 * of virtual time, and between these the connection may break, the process die, and others come in between. The
 * product's own `sqlOn` and `inTransaction` work on it.
 */
import type pg from 'pg'
import type { Session } from './database.ts'
import type { Fate } from './faults.ts'
import { TOPICS, type Topic } from './product.ts'
import { inOrder, isQuick, labelOf } from './statements.ts'
import type { Process } from './timeline.ts'
import type { Answer } from './wire.ts'
import type { World } from './world.ts'

type Query = { name: string; text: string; values: unknown[] }
type Rows = { rows: Record<string, unknown>[] }

/** A connection with a transaction; `session` is there once it has begun. */
type Client = {
  session: Session | undefined
  hasBegun: boolean
  isBroken: boolean
  /** Its statements commit one by one: a mutant. */
  isLoose: boolean
  topics: Topic[]
  /** Gives up the statement that is under way. */
  fail: (() => void) | undefined
}

const newClient = (): Client => ({
  ...{ session: undefined, hasBegun: false, isBroken: false, isLoose: false, topics: [], fail: undefined },
})

const connectionError = (code: string) => Object.assign(new Error(`simulated: ${code}`), { code })

export function createPool(
  world: World,
  process: Process,
  options: { actor: string; isReliable?: boolean; onExecute?: (at: Date) => void; onCommit?: () => void },
) {
  const { timeline, faults, database, server, mutant } = world
  const { actor, isReliable = false } = options
  const clients = new Set<Client>()
  let previous = ''

  function mutated(query: Query): Query {
    const text = mutant?.rewrite?.(query.text, previous) ?? query.text
    previous = labelOf(query.text)
    if (text === query.text) return query
    world.countMutation()
    return { ...query, text, name: `${query.name}_${mutant?.name}`.slice(0, 63) }
  }

  /** What PostgreSQL said besides rows. A statement without rows tells nobody, whatever the plan evaluates. */
  function heard(session: Session, answer: Answer): Topic[] {
    const topics: Topic[] = []
    for (const notice of session.notices) {
      const [word, ...rest] = notice.split(' ')
      if (word === 'told') topics.push(...TOPICS.filter((topic) => topic === rest[0]?.split(':')[0]))
      else if (word === 'broke') broke(rest[0] ?? '', rest[1] ?? '')
      else if (word === 'renewed')
        world.violate('a lease is renewed by its owner only', `${actor} renewed ${rest.join(' ')}`)
      else if (word === 'ended')
        world.violate('a job is over when the runs of its slots are', `${actor} ended ${rest.join(' ')}`)
    }
    session.notices = []
    return 'rows' in answer && answer.rows.length > 0 ? topics : []
  }

  function broke(owner: string, runId: string) {
    const holder = world.living.get(owner)
    if (holder && !(actor === 'user' && world.releasing > 0))
      world.violate('a lease that runs is broken by its owner only', `${actor} took ${runId} from ${holder.name}`)
  }

  function check({ error }: { error: Error }, label: string) {
    const code = 'code' in error ? error.code : undefined
    if (code === '40P01') world.violate('no deadlock', label)
    else if (typeof code === 'string' && !/^(08|57)/.test(code))
      world.violate('no statement is refused', `${label}: ${error.message}`)
  }

  /** Delivers an answer to the process, or what it takes for one. */
  function deliver(
    label: string,
    fate: Fate,
    answer: Answer,
    resolve: (rows: Rows) => void,
    reject: (error: Error) => void,
  ) {
    timeline.after(
      fate.after,
      () => {
        if ('error' in answer) {
          world.note(process.name, `${label} ✗ ${answer.error.message}`)
          reject(answer.error)
        } else resolve(answer)
      },
      process,
    )
  }

  function execute(client: Client | null, query: Query, isInside = client !== null): Promise<Rows> {
    const label = labelOf(query.text)
    const fate = faults.fateOf(isReliable, isInside)
    const statement = mutated(query)
    const { starts } = server
    return new Promise((resolve, reject) => {
      const answer = (given: Answer) => {
        if (client) client.fail = undefined
        deliver(label, fate, given, resolve, reject)
      }
      const fail = async (code: string) => {
        if (client) {
          client.fail = undefined
          await abort(client)
        }
        answer({ error: connectionError(code) })
      }
      timeline.after(fate.before, async () => {
        if (process.dead && (client || world.random.chance(0.5))) return
        if (client?.isBroken) return answer({ error: connectionError('ECONNRESET') })
        if (!server.isUp) return fail('ECONNREFUSED')
        if (server.starts !== starts) return fail('ECONNRESET')
        if (fate.breaks === 'before') {
          return fail('ECONNRESET')
        }
        world.countStatement()
        const session = client?.session ?? (await database.acquire())
        const isSlow = !client && fate.commit > 0 && !isQuick(statement.text)
        const begins = isSlow || Boolean(client && !client.hasBegun)
        if (client) {
          client.session = session
          client.hasBegun = true
          client.fail = () => fail('ECONNRESET')
        }
        await database.perform(session, world.stamp(actor), statement, begins, async (answered) => {
          const given = 'rows' in answered ? { rows: inOrder(label, answered.rows) } : answered
          options.onExecute?.(world.databaseNow())
          world.note(process.name, label, {
            values: query.values,
            ...('rows' in given ? { rows: given.rows } : { error: given.error.message }),
          })
          if ('error' in given) check(given, label)
          else if (await world.spring(process, label, given.rows)) fate.breaks = 'after'
          const topics = heard(session, given)
          if (client) {
            client.topics.push(...topics)
            return fate.breaks === 'after' ? fail('ECONNRESET') : answer(given)
          }
          const finish = (final: Answer) =>
            answer(fate.breaks === 'after' ? { error: connectionError('ECONNRESET') } : final)
          if (!isSlow) {
            database.release(session)
            if ('rows' in given) world.publish(topics)
            return finish(given)
          }
          const own: Client = { ...newClient(), session, topics }
          clients.add(own)
          timeline.after(fate.commit, async () => {
            if (!clients.delete(own) || own.isBroken) return finish({ error: connectionError('ECONNRESET') })
            await database.end(session, 'error' in given ? 'rollback' : 'commit')
            database.release(session)
            if ('rows' in given) {
              world.note(process.name, `${label} is committed`)
              world.publish(topics)
            }
            finish(given)
          })
        })
      })
    })
  }

  function end(client: Client, how: 'commit' | 'rollback'): Promise<Rows> {
    const fate = faults.fateOf(isReliable, true)
    return new Promise((resolve, reject) => {
      const answer = (given: Answer) => deliver(how, fate, given, resolve, reject)
      timeline.after(fate.before + fate.commit, async () => {
        if (client.isBroken) return answer({ error: connectionError('ECONNRESET') })
        if (fate.breaks === 'before') await abort(client)
        if (!client.session) return answer(client.isBroken ? { error: connectionError('ECONNRESET') } : { rows: [] })
        const { session, topics } = client
        client.session = undefined
        client.hasBegun = false
        clients.delete(client)
        const ended = await database.end(session, how)
        database.release(session)
        if ('error' in ended) check(ended, how)
        else if (how === 'commit') {
          world.note(process.name, 'commit')
          options.onCommit?.()
          world.publish(topics)
        }
        answer(fate.breaks === 'after' ? { error: connectionError('ECONNRESET') } : ended)
      })
    })
  }

  /** The server ends a connection: what was not committed is undone. */
  async function abort(client: Client): Promise<void> {
    client.isBroken = true
    clients.delete(client)
    const { session, fail } = client
    if (!session) return
    client.session = undefined
    client.fail = undefined
    await database.end(session, 'rollback')
    database.release(session)
    fail?.()
  }

  function connect() {
    const client = newClient()
    clients.add(client)
    return {
      query(query: string | Query): Promise<Rows> {
        if (query === 'begin') return Promise.resolve({ rows: [] })
        if (query === 'commit' || query === 'rollback') return end(client, query)
        if (mutant?.loosens === labelOf((query as Query).text)) {
          client.isLoose = true
          world.countMutation()
        }
        return execute(client.isLoose ? null : client, query as Query, true)
      },
      on: () => {},
      off: () => {},
      release: () => clients.delete(client),
    }
  }

  const connections = {
    pool: { query: (query: Query) => execute(null, query), connect: async () => connect() } as unknown as pg.Pool,
    /** All connections end, as when the process dies or the server does. */
    async cut(): Promise<void> {
      for (const client of [...clients]) await abort(client)
    },
    open: () => clients.size,
  }
  world.connect(connections)
  return connections
}
