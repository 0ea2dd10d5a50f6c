/** Subscriptions over SSE and WebSocket: what they show, what they refuse, and when they end. */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { GraphQLError } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { attachWebSocket } from '../../src/graphql/ws.ts'
import type { GraphqlServer } from '../../src/graphql/yoga.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { issueToken, makeJob, NOWHERE, type Person, post, publishSite, query, signUp } from '../support/people.ts'
import { countStatements } from '../support/statements.ts'
import { type Outcome, STREAMING } from './transports.ts'

let app: TestApp
let alice: Person
let artifactId: string

beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
  artifactId = (await publishSite(app, 'shop', alice.token)).id
})
afterAll(() => app?.stop())

const ask = (query: string, variables: object) => post(app, { query, variables }, alice.token)
const runJob = (jobId: string) =>
  ask('mutation($id: ID!) { runJob(input: { jobId: $id }) { __typename } }', { id: jobId })
const rename = (jobId: string, name: string) =>
  ask('mutation($i: UpdateJobInput!) { updateJob(input: $i) { __typename } }', { i: { jobId, name } })
const revoke = (id: string) => ask('mutation($id: ID!) { revokeToken(input: { tokenId: $id }) { __typename } }', { id })

const eventOf = ({ data }: Outcome) => data?.runEvents as { __typename: string; run: { job: { name: string } } }
const take = async (stream: AsyncGenerator<Outcome>): Promise<Outcome> => (await stream.next()).value ?? {}
const OF_JOB = (fields: string) => `subscription($jobId: ID) { runEvents(jobId: $jobId, after: "") { ${fields} } }`
const limited = { extensions: { code: 'LIMIT_EXCEEDED' } }

describe.each(STREAMING.map((transport) => [transport.name, transport] as const))('over %s', (_name, transport) => {
  const watch = (query: string, variables: Record<string, unknown>, token = alice.token) =>
    transport.stream(app, { query, variables, token })

  it('shows each event with what is true when it is shown', async () => {
    const { id: jobId } = await makeJob(app, alice.token, { name: 'before', actions: [NOWHERE] })
    const stream = watch(OF_JOB('__typename run { job { name } }'), { jobId })
    await runJob(jobId)
    expect(eventOf(await take(stream))).toEqual({ __typename: 'RunQueued', run: { job: { name: 'before' } } })
    for (let event = await take(stream); eventOf(event).__typename !== 'RunFailed'; ) event = await take(stream)
    await rename(jobId, 'after')
    await runJob(jobId)
    expect(eventOf(await take(stream))).toEqual({ __typename: 'RunQueued', run: { job: { name: 'after' } } })
    await stream.return(undefined)
  })

  it('goes on after a fault in one event, and tells nothing of it but the id to ask by', async () => {
    const { id: jobId } = await makeJob(app, alice.token, { artifactId, actions: [NOWHERE] })
    await runJob(jobId)
    const stream = watch(OF_JOB('seq run { artifact { slug } }'), { jobId })
    await query(app, 'alter table artifact rename to artifact_that_is_away')
    const faulty = await take(stream).finally(() => query(app, 'alter table artifact_that_is_away rename to artifact'))
    expect(faulty.data).toEqual({ runEvents: { seq: 1, run: { artifact: null } } })
    expect(faulty.errors).toMatchObject([{ message: 'Internal error', path: ['runEvents', 'run', 'artifact'] }])
    expect(faulty.errors?.[0]?.extensions).toEqual({
      code: 'INTERNAL',
      requestId: faulty.requestId ?? expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
    for (;;) {
      const { data, errors } = await take(stream)
      if (errors) continue
      expect(data).toMatchObject({ runEvents: { run: { artifact: { slug: 'shop' } } } })
      break
    }
    await stream.return(undefined)
  })

  it.each([
    ['subscription { runEvents(jobId: "x") { seq } }', 'NOT_FOUND'],
    ['subscription { runEvents(jobId: "job_00000000000000000000000000000000") { seq } }', 'NOT_FOUND'],
    ['subscription { runEvents(after: "x") { seq } }', 'VALIDATION'],
    ['subscription { runEvents(after: "-1") { seq } }', 'VALIDATION'],
  ])('says why it cannot show %s', async (query, code) => {
    const stream = watch(query, {})
    expect((await take(stream)).errors).toMatchObject([{ path: ['runEvents'], extensions: { code } }])
    expect((await stream.next()).done).toBe(true)
  })

  it('refuses what costs too much before it begins', async () => {
    const runs = (inner: string) => `runs(first: 100) { edges { node { ${inner} } } }`
    const stream = watch(`subscription { runEvents { run { job { ${runs(`job { ${runs('id')} }`)} } } } }`, {})
    expect((await take(stream)).errors).toMatchObject([limited])
    expect((await stream.next()).done).toBe(true)
  })
})

it('ends every stream soon after its token was revoked', async () => {
  const { id, token } = await issueToken(app, alice.token)
  const used = 'select last_used_at is not null as used from api_token where id = $1::uuid'
  const last = STREAMING.map((transport) =>
    take(transport.stream(app, { query: 'subscription { runEvents { seq } }', token })),
  )
  await expect.poll(() => query(app, used, [id.replace('tok_', '')])).toEqual([{ used: true }])
  await revoke(id)
  const [sse, webSocket] = await Promise.all(last)
  expect(sse?.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
  expect(webSocket).toEqual({ closed: 4403 })
})

const say = (socket: WebSocket, message: object | string) =>
  socket.send(typeof message === 'string' ? message : JSON.stringify(message))
const hear = async (socket: WebSocket) => JSON.parse(String((await once(socket, 'message'))[0]))
const init = { type: 'connection_init' }
const question = { type: 'subscribe', id: '1', payload: { query: '{ viewer { handle } }' } }

describe('a WebSocket', () => {
  const open = async (protocols = 'graphql-transport-ws', headers: Record<string, string> = {}) => {
    const socket = new WebSocket(`${app.url.replace('http', 'ws')}/graphql`, protocols, { headers })
    await once(socket, 'open')
    return socket
  }
  const closing = async (socket: WebSocket) => (await once(socket, 'close'))[0] as number

  it('takes the token from its first request, or from the parameters under either spelling', async () => {
    const authorization = `Bearer ${ADMIN_TOKEN}`
    for (const [headers, payload] of [
      [{ authorization }, undefined],
      [{}, { authorization }],
      [{}, { Authorization: authorization }],
      [{ authorization: 'Bearer nope' }, { authorization }],
    ] as const) {
      const socket = await open('graphql-transport-ws', headers)
      say(socket, { ...init, payload })
      expect(await hear(socket)).toEqual({ type: 'connection_ack' })
      say(socket, question)
      expect(await hear(socket)).toMatchObject({ type: 'next', payload: { data: { viewer: { handle: 'admin' } } } })
      socket.close()
      await closing(socket)
    }
  })

  it.each<[string, (object | string)[], number]>([
    ['nonsense', ['nonsense'], 4400],
    ['a question before the greeting', [question], 4401],
    ['two greetings', [init, init], 4429],
    ['a bad token', [{ ...init, payload: { authorization: 'Bearer nope' } }], 4403],
    ['what only a server says', [{ type: 'next', id: '1', payload: {} }], 4500],
  ])('is closed on %s', async (_what, messages, code) => {
    const socket = await open()
    for (const message of messages) say(socket, message)
    expect(await closing(socket)).toBe(code)
  })

  it('ends at a question that is asked with a token that was revoked since the greeting', async () => {
    const { id, token } = await issueToken(app, alice.token)
    const socket = await open()
    say(socket, { ...init, payload: { authorization: `Bearer ${token}` } })
    await hear(socket)
    await revoke(id)
    say(socket, question)
    expect(await closing(socket)).toBe(4403)
  })

  it('is for no other path', async () => {
    for (const path of ['/', '/graphql/x', '//graphql', '//', '/%00', '/graphql%00']) {
      const socket = new WebSocket(`${app.url.replace('http', 'ws')}${path}`, 'graphql-transport-ws')
      const [error] = await once(socket, 'error')
      expect(String(error)).toContain('404')
    }
    expect((await post(app, { query: '{ __typename }' }, null)).status).toBe(200)
  })
})

describe('server-sent events', () => {
  const EVENTS = 'subscription($jobId: ID) { runEvents(jobId: $jobId) { seq } }'

  /** As a browser's EventSource asks, first and when it comes back: the address never changes. */
  async function listen(jobId: string, lastEventId?: string) {
    const search = new URLSearchParams({ query: EVENTS, variables: JSON.stringify({ jobId }) })
    const controller = new AbortController()
    const headers = {
      accept: 'text/event-stream',
      authorization: `Bearer ${alice.token}`,
      ...(lastEventId && { 'last-event-id': lastEventId }),
    }
    const response = await fetch(`${app.url}/graphql?${search}`, { headers, signal: controller.signal })
    const events = response.body
      ?.pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream())
      .values()
    return {
      async take(count: number) {
        const taken: { id: string | undefined; seq: number }[] = []
        while (taken.length < count) {
          const { value } = (await events?.next()) ?? {}
          if (value?.event === 'next') taken.push({ id: value.id, seq: JSON.parse(value.data).data.runEvents.seq })
        }
        return taken
      },
      leave: () => controller.abort(),
    }
  }

  it('have the cursor as their id, selected or not, and go on behind the one that a client comes back with', async () => {
    const { id: jobId } = await makeJob(app, alice.token, { actions: [NOWHERE] })
    await runJob(jobId)
    const log = () =>
      query<{ id: string; seq: number }>(
        app,
        'select position as id, seq from run_event where job_id = $1::uuid order by position',
        [jobId.slice(4)],
      )
    await expect.poll(async () => (await log()).length).toBe(5)
    const [first, , third] = await log()
    const back = await listen(jobId, String(first?.id))
    expect(await back.take(4)).toEqual((await log()).slice(1))
    back.leave()
    const again = await listen(jobId, String(third?.id))
    await runJob(jobId)
    const seen = await again.take(7)
    again.leave()
    expect(seen).toEqual((await log()).slice(3))
  })
})

it('costs no more for many who watch a job than for one', async () => {
  const { id: jobId } = await makeJob(app, alice.token, { actions: [NOWHERE] })
  const WATCH = `subscription($jobId: ID, $after: String) {
    runEvents(jobId: $jobId, after: $after) { __typename run { status } }
  }`
  async function executions(watchers: number): Promise<number> {
    const [{ last } = { last: null }] = await query<{ last: string | null }>(
      app,
      'select max(position) as last from run_event',
    )
    const asked = { query: WATCH, variables: { jobId, after: String(last ?? 0) }, token: alice.token }
    const streams = Array.from({ length: watchers }, () => STREAMING.map((each) => each.stream(app, asked))).flat()
    const count = await countStatements(/FROM "public"."run" WHERE/, async () => {
      await runJob(jobId)
      await Promise.all(
        streams.map(async (stream) => {
          while (eventOf(await take(stream)).__typename !== 'RunFailed');
        }),
      )
    })
    for (const stream of streams) await stream.return(undefined)
    return count
  }
  const alone = await executions(1)
  expect(alone).toBeGreaterThan(4)
  expect(await executions(15)).toBeLessThanOrEqual(2 * alone)
})

describe('a socket', () => {
  it('that is silent is asked whether it lives, and cut if it does not; one that never greets is closed', async () => {
    const server = createServer()
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const sockets = attachWebSocket(server, {
      yoga: {} as GraphqlServer,
      identity: { authenticate: async () => null },
      callerOf: () => 'somebody',
      limits: { operations: 10, messageBytes: 1024 },
      ...{ pingMs: 50, initTimeoutMs: 500 },
    })
    const open = async (autoPong: boolean) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws', { autoPong })
      await once(socket, 'ping')
      return socket
    }
    const [alive, dead] = await Promise.all([open(true), open(false)])
    const closed = once(alive, 'close')
    expect((await once(dead, 'close'))[0]).toBe(1006)
    expect((await closed)[0]).toBe(4408)
    await sockets.close()
    await new Promise((resolve) => server.close(resolve))
  })

  it('that has greeted keeps no timer of its own, and nothing of the request that it came by', async () => {
    const server = createServer()
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const requests: WeakRef<IncomingMessage>[] = []
    server.on('upgrade', (request) => requests.push(new WeakRef(request)))
    const sockets = attachWebSocket(server, {
      yoga: { mask: () => new GraphQLError('no'), overSocket: async () => null },
      identity: { authenticate: async () => null },
      callerOf: () => 'somebody',
      limits: { operations: 10, messageBytes: 1024 },
    })
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    const CLIENTS = 20
    for (let n = 0; n < CLIENTS; n++) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws')
      await once(socket, 'open')
      say(socket, init)
      await hear(socket)
      say(socket, question)
    }
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const kept = () => {
      collect()
      return requests.filter((request) => request.deref()).length
    }
    expect(requests).toHaveLength(CLIENTS)
    await expect.poll(kept).toBeLessThan(CLIENTS / 2)
    expect(timers() - before).toBeLessThan(CLIENTS / 2)
    await sockets.close()
    await new Promise((resolve) => server.close(resolve))
  })

  it('that sends thousands of messages in one packet lets others have their turn between them', async () => {
    const server = createServer()
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    let turn = 0
    const turns: number[] = []
    const count = () => {
      turn++
      next = setImmediate(count)
    }
    let next = setImmediate(count)
    const refused = new GraphQLError('no')
    const sockets = attachWebSocket(server, {
      yoga: {
        mask: () => refused,
        async overSocket() {
          turns.push(turn)
          return { refused: [refused] }
        },
      },
      identity: { authenticate: async () => null },
      callerOf: () => '',
      limits: { operations: 1_000, messageBytes: 1024 },
    })
    const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws')
    await once(socket, 'open')
    say(socket, init)
    await hear(socket)
    const { _socket: connection } = socket as unknown as { _socket: Socket }
    connection.cork()
    for (let n = 0; n < 200; n++) say(socket, { ...question, id: String(n) })
    connection.uncork()
    await expect.poll(() => turns.length).toBe(200)
    expect(new Set(turns).size).toBeGreaterThan(100)
    clearImmediate(next)
    socket.terminate()
    await sockets.close()
    await new Promise((resolve) => server.close(resolve))
  })
})
