/** The PostgreSQL that the configuration names, migrated: `DATABASE_URL`, or one of our own in DATA_DIR. */
import type { ClientConfig } from 'pg'
import type { Log } from '../kernel/log.ts'
import { openEmbedded } from './embedded.ts'
import { migrate } from './migrate.ts'
import { expectPrimary, type Patience } from './patience.ts'

export type PostgresServer = {
  connection: ClientConfig
  /** Why the embedded one is away, as far as we know, or null. */
  problem(): string | null
  /** Stops the embedded one; nothing else is ours to stop. */
  stop(): Promise<void>
}

export async function openPostgres(
  { databaseUrl, dataDir, patiently }: { databaseUrl: string | undefined; dataDir: string; patiently: Patience },
  log: Log,
): Promise<PostgresServer> {
  const server: PostgresServer = databaseUrl
    ? { connection: { connectionString: databaseUrl }, problem: () => null, stop: async () => {} }
    : await openEmbedded({ dataDir, log })
  try {
    const applied = await patiently(async () => {
      await expectPrimary(server.connection)
      return migrate(server.connection)
    })
    if (applied.length > 0) log.info({ migrations: applied }, 'database migrated')
    return server
  } catch (error) {
    await server.stop()
    throw error
  }
}
