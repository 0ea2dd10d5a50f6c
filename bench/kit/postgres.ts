/** A PostgreSQL of a benchmark's own with its settings as they come: what is committed is on the disk. */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openEmbedded } from '../../src/db/embedded.ts'
import { createLog } from '../../src/kernel/log.ts'

export type Postgres = { url: string; pid: number; stop(): Promise<void> }

export async function startPostgres(): Promise<Postgres> {
  const folder = await mkdtemp(path.join(tmpdir(), 'runsheet-bench-'))
  // As root it runs as another user, and would go and live elsewhere, where nobody removes it.
  await chmod(folder, 0o755)
  const postgres = await openEmbedded({ dataDir: path.join(folder, 'data'), log: createLog('error') })
  const { user, password, host, port, database } = postgres.connection
  return {
    url: `postgresql://${user}:${password}@${host}:${port}/${database}`,
    pid: postgres.pid,
    async stop() {
      await postgres.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
