import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below where systems take the ports of outgoing connections from: one of those could hold it while its owner is away. */
const FIRST_PORT = 10_000
const LAST_PORT = 32_000
const PORTS_TRIED = 100

/** A port that whoever stops may have again when they start. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let n = 0; n < PORTS_TRIED; n++) {
    const port = randomInt(FIRST_PORT, LAST_PORT)
    if (await isFree(port, host)) return port
  }
  throw new Error(`no port of ${host} is free`)
}

async function isFree(port: number, host: string): Promise<boolean> {
  const server = createServer()
  try {
    await once(server.listen(port, host), 'listening')
  } catch {
    return false
  }
  await new Promise((resolve) => server.close(resolve))
  return true
}
