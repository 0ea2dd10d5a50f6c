/** Answers that take long, on real connections, whose time is compressed. */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it, vi } from 'vitest'
import { listen } from '../../src/http/listen.ts'
import { createRestHandler } from '../../src/http/rest.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import type { Dialect } from '../../src/rest/dialect.ts'
import { heldAnswer, WHITE_SPACE_MS } from '../../src/rest/held-answer.ts'
import { deferred } from '../support/receiver.ts'

/** What takes 15 s takes 25 ms. */
const PACE = 600
const SHORT_MS = 40

const servers: http.Server[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

/** A server that gives up early on requests, and answers when the test says with what. */
async function startServer(pace = PACE) {
  const ended = deferred<object | null>()
  let fail = (_error: Error) => {}
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject
  })
  const faults: unknown[] = []
  const timers = new Set<object>()
  const signals: AbortSignal[] = []
  const clock = {
    now: systemClock.now,
    after(ms: number, fn: () => void) {
      const timer = {}
      timers.add(timer)
      const cancel = systemClock.after(ms / pace, () => {
        timers.delete(timer)
        fn()
      })
      return () => {
        timers.delete(timer)
        cancel()
      }
    },
  }
  const fetchAnswer = async (request: Request) => {
    signals.push(request.signal)
    const left = new Promise<null>((resolve) => request.signal.addEventListener('abort', () => resolve(null)))
    const value = Promise.race([ended.promise, failed, left])
    return heldAnswer(value, { clock, onFault: (error) => faults.push(error) })
  }
  const handle = createRestHandler({ corsOrigins: [], maxBodyBytes: 1_000, rate: null, callerOf: () => '' })
  const limits = { requestTimeout: SHORT_MS, headersTimeout: SHORT_MS, keepAliveTimeout: SHORT_MS }
  const server = http.createServer({ ...limits, connectionsCheckingInterval: SHORT_MS / 4 }, (request, response) => {
    handle({ cors: false, fetch: fetchAnswer } as unknown as Dialect, request, response)
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const post = (signal?: AbortSignal) => fetch(url, { method: 'POST', body: '{}', ...(signal && { signal }) })
  return { server, post, end: ended.resolve, fail, faults, timers, signals }
}

/** Reads until so many bytes are there. */
async function readBytes(reader: ReadableStreamDefaultReader<Uint8Array>, count: number): Promise<string> {
  let text = ''
  while (text.length < count) {
    const { value, done } = await reader.read()
    if (done) break
    text += Buffer.from(value).toString()
  }
  return text
}

const readerOf = (response: Response) => (response.body as ReadableStream<Uint8Array>).getReader()

it('is whole when it is there soon, and nobody is left waiting', async () => {
  const { post, end, timers } = await startServer(1)
  end({ success: true })
  const response = await post()
  expect(response.headers.get('x-accel-buffering')).toBe(null)
  expect(await response.text()).toBe('{"success":true}')
  expect(timers.size).toBe(0)
})

it('outlives every limit of the server behind white space, and is JSON as a whole', async () => {
  const { post, end, timers } = await startServer()
  const response = await post()
  expect([response.status, response.headers.get('cache-control'), response.headers.get('x-accel-buffering')]).toEqual([
    ...[200, 'no-store', 'no'],
  ])
  const reader = readerOf(response)
  const count = Math.ceil((10 * SHORT_MS) / (WHITE_SPACE_MS / PACE))
  const start = await readBytes(reader, count)
  expect(start).toMatch(/^ +$/)
  end({ success: false })
  const rest = await readBytes(reader, Number.POSITIVE_INFINITY)
  expect(JSON.parse(start + rest)).toEqual({ success: false })
  expect(timers.size).toBe(0)
})

it('is waited for by a server that sets no limit to how long an answer takes', async () => {
  const { server, close } = await listen({ port: 0, host: '127.0.0.1' })
  expect(server.timeout).toBe(0)
  await close()
})

it.each(['before', 'after'])('costs nothing any more when its client leaves %s the first byte', async (moment) => {
  const { post, signals, timers, faults } = await startServer(moment === 'before' ? 1 : PACE)
  const leaving = new AbortController()
  const answer = post(leaving.signal)
  answer.catch(() => {})
  if (moment === 'before') await expect.poll(() => signals.length).toBe(1)
  else await readBytes(readerOf(await answer), 1)
  leaving.abort()
  await expect.poll(() => signals[0]?.aborted).toBe(true)
  await expect.poll(() => timers.size).toBe(0)
  if (moment === 'before') await expect(answer).rejects.toThrow()
  expect(faults).toEqual([])
})

it('that will not come breaks off when the server closes its connections, and is no JSON', async () => {
  const { server, post, end, timers } = await startServer()
  const reader = readerOf(await post())
  expect(await readBytes(reader, 1)).toBe(' ')
  end(null)
  await expect.poll(() => timers.size).toBe(0)
  server.closeAllConnections()
  await expect(readBytes(reader, Number.POSITIVE_INFINITY)).rejects.toThrow()
})

it('breaks off at a fault after its first byte, which is told', async () => {
  const complaint = vi.spyOn(console, 'error').mockImplementation(() => {})
  const { post, fail, faults, timers } = await startServer()
  const reader = readerOf(await post())
  await readBytes(reader, 1)
  const fault = new Error('the database is gone')
  fail(fault)
  await expect(readBytes(reader, Number.POSITIVE_INFINITY)).rejects.toThrow()
  expect(faults).toEqual([fault])
  expect(timers.size).toBe(0)
  expect(complaint).toHaveBeenCalledWith(fault)
})
