/** Fails a test file that leaves sockets, servers or timers behind: whoever opens something closes it. */
import { afterAll, expect } from 'vitest'

const OURS = new Set(['TCPServerWrap', 'TCPSocketWrap', 'ProcessWrap'])
const before = process.getActiveResourcesInfo().filter((kind) => OURS.has(kind)).length

afterAll(async () => {
  const left = () => process.getActiveResourcesInfo().filter((kind) => OURS.has(kind)).length - before
  await expect
    .poll(left, { timeout: 5_000, interval: 20, message: 'sockets, servers or processes left open' })
    .toBeLessThanOrEqual(0)
})
