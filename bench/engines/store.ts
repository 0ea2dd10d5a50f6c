/** Where an engine keeps its jobs, of a turn's own: PostgreSQL as it comes, or a Redis that has on the disk what it acknowledges. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Redis } from 'ioredis'
import { startPostgres } from '../kit/postgres.ts'
import { end, launch, untilReady } from '../kit/processes.ts'

/** `env`: what tells a program where it is. */
export type Store = { env: { DATABASE_URL?: string; REDIS_URL?: string }; stop(): Promise<void> }

export async function openPostgresStore(): Promise<Store> {
  const postgres = await startPostgres()
  return { env: { DATABASE_URL: postgres.url }, stop: postgres.stop }
}

export async function openRedisStore(): Promise<Store> {
  const folder = await mkdtemp(path.join(tmpdir(), 'runsheet-bench-redis-'))
  const port = 4791
  const child = launch('redis-server', [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
    ...['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction'],
  ])
  const client = new Redis(port, '127.0.0.1', { lazyConnect: true, retryStrategy: null })
  client.on('error', () => {})
  try {
    await untilReady(child, async () => {
      await client.connect()
      return true
    })
  } finally {
    client.disconnect()
  }
  return {
    env: { REDIS_URL: `redis://127.0.0.1:${port}` },
    async stop() {
      await end(child)
      await rm(folder, { recursive: true, force: true })
    },
  }
}
