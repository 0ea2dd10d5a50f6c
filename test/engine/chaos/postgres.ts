/** A PostgreSQL of the test's own, with durable settings, that can be stopped, crashed and started on the same port. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openBinaries } from '../../../src/db/embedded-binaries.ts'
import { createCluster, openHome } from '../../../src/db/embedded-home.ts'
import { hasExited, readPostmaster, spawnPostmaster, stopPostmaster } from '../../../src/db/postmaster.ts'
import { createLog } from '../../../src/kernel/log.ts'
import { freePort } from '../../support/free-port.ts'

const POLL_MS = 20
const GIVE_UP_MS = 120_000

export type OwnPostgres = Awaited<ReturnType<typeof startPostgres>>

export async function startPostgres(settings: Record<string, string> = {}) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'runsheet-chaos-'))
  chmodSync(dataDir, 0o755)
  const home = await openHome(dataDir, createLog('silent'))
  const { initdb, postgres } = await openBinaries(home)
  await createCluster(home, initdb)
  const port = await freePort()
  const all = { listen_addresses: '127.0.0.1', unix_socket_directories: '', max_connections: '200', ...settings }
  const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  let pid = 0

  /** Backends of a crashed server keep the next from starting for a moment. */
  async function start() {
    for (const end = Date.now() + GIVE_UP_MS; Date.now() < end; ) {
      const child = await spawnPostmaster(
        postgres,
        ['-D', home.data, '-p', String(port), ...options],
        home.runAs,
        home.logFile,
      )
      while (!hasExited(child)) {
        const seen = readPostmaster(home.data)
        pid = child.pid ?? 0
        if (seen?.pid === pid && seen.ready) return
        await sleep(POLL_MS)
      }
      await sleep(POLL_MS)
    }
    throw new Error(`PostgreSQL does not start; see ${home.logFile}`)
  }

  function remove() {
    rmSync(home.dir, { recursive: true, force: true })
    rmSync(dataDir, { recursive: true, force: true })
  }
  const abandon = () => {
    if (readPostmaster(home.data)) process.kill(pid, 'SIGQUIT')
    remove()
  }

  await start()
  process.once('exit', abandon)
  return {
    port,
    url: `postgresql://runsheet:${home.password}@127.0.0.1:${port}/postgres`,
    start,
    /** `fast` says goodbye to its clients; `crash` is the end of the process, and recovery at the next start. */
    async stop(how: 'fast' | 'crash') {
      if (how === 'fast') return stopPostmaster(pid, home.data)
      process.kill(pid, 'SIGKILL')
      await sleep(POLL_MS)
    },
    async remove() {
      process.off('exit', abandon)
      await stopPostmaster(pid, home.data)
      remove()
    },
  }
}
