/** A model that is slow, and what an agent is told when there is much to tell. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createModel } from '../../src/agent/model.ts'
import { systemPrompt } from '../../src/agent/prompt.ts'
import { createEgress } from '../../src/egress/egress.ts'
import { createLog } from '../../src/kernel/log.ts'
import { eventsOf, type ModelServer, startModelServer, streaming } from './model-server.ts'

let server: ModelServer
const egress = createEgress({ allowCidrs: ['127.0.0.0/8'], httpsOnly: false })
const log = createLog('silent')
const request = { model: 'm', messages: [], maxTokens: 1, temperature: 0 }

beforeAll(async () => {
  server = await startModelServer()
})
afterAll(async () => {
  await egress.close()
  await server.close()
})

async function take(pieces: AsyncGenerator<string>): Promise<string[]> {
  const taken: string[] = []
  for await (const piece of pieces) taken.push(piece)
  return taken
}

test('a model that falls silent is given up', async () => {
  server.reply = (response) => response.writeHead(200, streaming).write(eventsOf(['he']).slice(0, 110))
  const model = createModel({ egress, baseUrl: server.url, apiKey: null, log, silenceMs: 50 })
  await expect(take(model(request, new AbortController().signal))).rejects.toThrow('the model took too long')
  expect(server.calls.at(-1)?.authorization).toBeUndefined()
})

test('a model that never answers is given up', async () => {
  server.reply = () => {}
  const model = createModel({ egress, baseUrl: `${server.url}/`, apiKey: 'key', log, silenceMs: 50 })
  await expect(take(model(request, new AbortController().signal))).rejects.toThrow('the model took too long')
  expect(server.calls.at(-1)?.path).toBe('/v1/chat/completions')
})

test('a model where nothing may be called is not reached', async () => {
  const guarded = createEgress({ allowCidrs: [], httpsOnly: false })
  const calls = server.calls.length
  const model = createModel({ egress: guarded, baseUrl: server.url, apiKey: 'key', log })
  await expect(take(model(request, new AbortController().signal))).rejects.toThrow('could not be reached')
  expect(server.calls.length).toBe(calls)
  await guarded.close()
})

test('what an agent is told has a bound, whole lines, and says when it is not all', () => {
  const rows = fc.array(fc.record({ text: fc.string({ maxLength: 3_000, size: 'max' }) }), { maxLength: 60 })
  fc.assert(
    fc.property(rows, fc.boolean(), (rows, isWhole) => {
      const prompt = systemPrompt(null, { documents: [], tables: [{ name: 't', rows, isWhole }] }) ?? ''
      expect(Buffer.byteLength(prompt)).toBeLessThan(66 * 1024)
      const told = prompt.split('\n').filter((line) => line.startsWith('{'))
      expect(told).toEqual(rows.slice(0, told.length).map((row) => JSON.stringify(row)))
      expect(prompt.includes('More is left out here')).toBe(!isWhole || told.length < rows.length)
    }),
    { numRuns: 50 },
  )
  expect(systemPrompt(null, { documents: [], tables: [] })).toBeNull()
})
