/** Fails a test file that leaves sockets, servers or processes behind: whoever opens something closes it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect } from 'vitest'

const OURS = new Set(['TCPServerWrap', 'TCPSocketWrap', 'ProcessWrap'])
const PATIENCE_MS = 5_000
const open = () =>
  process
    .getActiveResourcesInfo()
    .filter((kind) => OURS.has(kind))
    .sort()
const before = open()

afterAll(async () => {
  const patience = Date.now() + PATIENCE_MS
  while (open().length > before.length && Date.now() < patience) await sleep(20)
  expect(open().slice(before.length), 'sockets, servers or processes left open').toEqual([])
})
