/** What the outside sees while the database is away, and while the node stops. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { WebSocket } from 'ws'
import { createEventStreams } from '../../src/http/event-streams.ts'
import { createHealth } from '../../src/http/health.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { makeJob, post } from '../support/people.ts'
import { startReceiver } from '../support/receiver.ts'

const ready = async (app: TestApp) => {
  const response = await fetch(`${app.url}/health/ready`)
  const { reason } = (await response.json()) as { reason?: string }
  return { status: response.status, ...(reason && { reason }) }
}

/** Opens a socket and greets; answers the code with which the server closes it, or 0 when it greets back. */
async function greet(app: TestApp): Promise<number> {
  const socket = new WebSocket(`${app.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${ADMIN_TOKEN}` } }))
  const closed = once(socket, 'close').then(([code]) => code as number)
  const code = await Promise.race([closed, once(socket, 'message').then(() => 0)])
  socket.terminate()
  return code
}

const viewer = (app: TestApp) => post(app, { query: '{ viewer { handle } }' }, ADMIN_TOKEN)
const INTERNAL = { message: 'Internal error', extensions: { code: 'INTERNAL', requestId: expect.any(String) } }

describe('while the database is away', () => {
  let app: TestApp
  let admin: pg.Client
  let name: string

  beforeAll(async () => {
    app = await createTestApp()
    name = new URL(app.databaseUrl).pathname.slice(1)
    admin = new pg.Client({ ...inject('postgres'), database: 'postgres' })
    await admin.connect()
  })
  afterAll(async () => {
    await admin?.query(`alter database ${name} allow_connections true`)
    await admin?.end()
    await app?.stop()
  })

  it('says why it is not ready, gives faults no detail, lets clients come back, and recovers by itself', async () => {
    expect(await ready(app)).toEqual({ status: 200 })
    await admin.query(`alter database ${name} allow_connections false`)
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])

    expect(await ready(app)).toEqual({ status: 503, reason: expect.stringMatching(/^database: \S/) })
    expect((await fetch(`${app.url}/health/live`)).status).toBe(200)
    const { status, body } = await viewer(app)
    expect([status, body]).toEqual([500, { errors: [INTERNAL] }])
    expect(await greet(app), 'a code after which clients try again').toBe(1013)

    await admin.query(`alter database ${name} allow_connections true`)
    await expect.poll(() => ready(app), { timeout: 15_000 }).toEqual({ status: 200 })
    expect((await viewer(app)).body).toEqual({ data: { viewer: { handle: 'admin' } } })
    expect(await greet(app)).toBe(0)
  })
})

describe('while the node stops', () => {
  it('is not ready, goes on answering, tells sockets and streams to come back, and is gone in the end', async () => {
    const waiting: ServerResponse[] = []
    const receiver = await startReceiver((response) => void waiting.push(response))
    const app = await createTestApp({ DRAIN_SECONDS: '20' })
    const job = await makeJob(app, ADMIN_TOKEN, { actions: [{ webhook: { url: receiver.url } }] })
    const run = 'mutation($id: ID!) { runJob(input: { jobId: $id }) { __typename } }'
    await post(app, { query: run, variables: { id: job.id } }, ADMIN_TOKEN)
    await expect.poll(() => waiting.length).toBe(1)
    const socket = new WebSocket(`${app.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
    await once(socket, 'open')
    const closed = once(socket, 'close')
    const watch = new URLSearchParams({ query: 'subscription { runEvents { seq } }' })
    const headers = { accept: 'text/event-stream', authorization: `Bearer ${ADMIN_TOKEN}` }
    const events = await fetch(`${app.url}/graphql?${watch}`, { headers })
    const cut = expect(events.text()).rejects.toThrow('terminated')

    const stopped = app.stop()
    await expect.poll(() => ready(app)).toEqual({ status: 503, reason: 'the node is stopping' })
    expect((await fetch(`${app.url}/health/live`)).status).toBe(200)
    expect((await viewer(app)).body).toEqual({ data: { viewer: { handle: 'admin' } } })
    waiting[0]?.end('done')
    await stopped
    expect((await closed)[0]).toBe(1012)
    await cut
    await expect(fetch(`${app.url}/health/live`)).rejects.toThrow()
  })
})

describe('readiness', () => {
  const health = (ping: () => Promise<void>, problem: string | null = null) =>
    createHealth({ ping, engineProblem: () => problem, patienceMs: 20 })

  it('is the database’s, then the engine’s', async () => {
    expect(await health(async () => {}).problem()).toBeNull()
    expect(await health(async () => {}, 'the engine rests').problem()).toBe('the engine rests')
  })

  it('does not wait for a database that says nothing', async () => {
    expect(await health(() => new Promise(() => {})).problem()).toBe('database: no answer')
  })

  it('has a reason even for an error without a text', async () => {
    const refused = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })
    expect(await health(() => Promise.reject(refused)).problem()).toBe('database: ECONNREFUSED')
  })

  it('ends when the node begins to stop', async () => {
    const stopping = health(async () => {})
    stopping.drain()
    expect(await stopping.problem()).toBe('the node is stopping')
  })
})

describe('event streams that are cut', () => {
  const server = createServer()
  const streams = createEventStreams()
  const served: ServerResponse[] = []
  server.on('request', (request, response) => {
    streams.watch(request, response)
    served.push(response)
  })

  it('are those that have begun, those about to begin, and those that come later; answers go on', async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const stream = () => fetch(url, { headers: { accept: 'text/event-stream' } }).then((response) => response.text())
    const plain = fetch(url).then((response) => response.text())
    await expect.poll(() => served.length).toBe(1)
    const under = [expect(stream()).rejects.toThrow(), expect(stream()).rejects.toThrow()]
    await expect.poll(() => served.length).toBe(3)
    served[1]?.writeHead(200, { 'content-type': 'text/event-stream' }).write(':\n\n')
    streams.cut()
    await Promise.all(under)
    await expect(stream()).rejects.toThrow()
    served[0]?.end('whole')
    expect(await plain).toBe('whole')
    await new Promise((resolve) => server.close(resolve))
  })
})
