/** Large contents over real sockets: no faster than the client takes them, and no longer than it is there. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { type ReadSlice, SLICE_BYTES, sendSlices } from '../../src/hosting/send.ts'
import { createSlices } from '../../src/hosting/slices.ts'
import type { Storage } from '../../src/hosting/storage.ts'
import { deferred } from '../support/receiver.ts'

const SIZE = 100_000_000

/** A server that sends zeros, or what `read` answers, and a client that has got the head of the answer. */
async function open({ read, patienceMs }: { read?: ReadSlice; patienceMs?: number } = {}) {
  const state = { reads: 0, largest: 0 }
  const sent = deferred<unknown>()
  const server = http.createServer((_request, response) => {
    const counted: ReadSlice = async (start, length) => {
      state.reads++
      state.largest = Math.max(state.largest, length)
      return read ? read(start, length) : Buffer.alloc(length)
    }
    const begin = () => response.writeHead(200, { 'content-length': SIZE })
    sendSlices(response, { start: 0, end: SIZE, read: counted, begin }, patienceMs).then(
      () => sent.resolve('done'),
      (error) => {
        response.destroy()
        sent.resolve(error)
      },
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const request = http.get({ port: (server.address() as AddressInfo).port, agent: false })
  onTestFinished(async () => {
    request.destroy()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  response.on('error', () => {})
  return { state, sent: sent.promise, response }
}

test('all of it arrives, in slices', async () => {
  const { state, sent, response } = await open()
  let bytes = 0
  for await (const chunk of response) bytes += chunk.length
  expect([bytes, await sent]).toEqual([SIZE, 'done'])
  expect(state.largest).toBeLessThanOrEqual(256 * 1024)
})

test('a client that takes nothing is waited for with little in memory, and costs nothing when it is gone', async () => {
  const { state, sent, response } = await open()
  let before = -1
  await expect
    .poll(() => {
      const still = state.reads === before
      before = state.reads
      return still
    })
    .toBe(true)
  expect(state.reads * state.largest).toBeLessThan(SIZE / 4)
  response.destroy()
  expect(await sent).toBe('done')
  expect(state.reads).toBe(before)
})

test('a client that takes nothing for too long is cut off', async () => {
  const { sent, response } = await open({ patienceMs: 50 })
  expect(await sent).toBe('done')
  await expect(async () => {
    for await (const _ of response);
  }).rejects.toThrow('aborted')
})

test('content that goes meanwhile ends the connection, so that nobody takes a part for the whole', async () => {
  const read: ReadSlice = async (start, length) => (start < 1_000_000 ? Buffer.alloc(length) : null)
  const { sent, response } = await open({ read })
  await expect(async () => {
    for await (const _ of response);
  }).rejects.toThrow('aborted')
  expect(await sent).toBeInstanceOf(Error)
})

test('what is asked for again is kept as a whole, and its slices are then sent as they are in memory', async () => {
  const sizeBytes = 2 * SLICE_BYTES + 10
  const content = randomBytes(sizeBytes)
  const reads: number[] = []
  const storage: Pick<Storage, 'slice'> = {
    async slice(_blob, _encoding, start, length) {
      reads.push(start)
      return content.subarray(start, start + length)
    },
  }
  const form = { blob: { ownerId: 'ann', digest: 'a' }, encoding: null, sizeBytes, etag: '"a"' }
  const slices = createSlices({ storage, bytes: 8 * sizeBytes })
  const all = async () => [
    await slices.read(form, 0, SLICE_BYTES),
    await slices.read(form, SLICE_BYTES, SLICE_BYTES),
    await slices.read(form, 2 * SLICE_BYTES, 10),
  ]
  await all()
  expect(reads).toHaveLength(3)
  const readsOfAll = async () => {
    const before = reads.length
    await all()
    return reads.length - before
  }
  await expect.poll(readsOfAll).toBe(0)
  const kept = reads.length
  const [one, another] = [await all(), await all()]
  expect(reads).toHaveLength(kept)
  expect(one.every((slice, index) => slice !== null && slice === another[index])).toBe(true)
  expect(Buffer.concat(one.filter((slice) => slice !== null)).equals(content)).toBe(true)
  // A range begins where it likes.
  expect(await slices.read(form, 5, 7)).toEqual(content.subarray(5, 12))
  expect(reads).toHaveLength(kept + 1)
})

test('a slice that many ask for at the same time is read once', async () => {
  let reads = 0
  const storage: Pick<Storage, 'slice'> = {
    async slice() {
      reads++
      return Buffer.alloc(SLICE_BYTES)
    },
  }
  const form = { blob: { ownerId: 'ann', digest: 'a' }, encoding: null, sizeBytes: SLICE_BYTES, etag: '"a"' }
  const slices = createSlices({ storage, bytes: 0 })
  const read = await Promise.all(Array.from({ length: 5 }, () => slices.read(form, 0, SLICE_BYTES)))
  expect([reads, new Set(read).size]).toEqual([1, 1])
})

test('what is too large for the memory is never kept', async () => {
  const content = randomBytes(SLICE_BYTES)
  let reads = 0
  const storage: Pick<Storage, 'slice'> = {
    async slice() {
      reads++
      return content
    },
  }
  const form = { blob: { ownerId: 'ann', digest: 'a' }, encoding: null, sizeBytes: SLICE_BYTES, etag: '"a"' }
  const slices = createSlices({ storage, bytes: 8 * SLICE_BYTES - 1 })
  for (let n = 0; n < 4; n++) await slices.read(form, 0, SLICE_BYTES)
  expect(reads).toBe(4)
})
