/** One PostgreSQL for the whole test run, with a migrated template that each test file clones. */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { generate } from '../../codegen.ts'
import { openEmbedded } from '../../src/db/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'
import { createLog } from '../../src/kernel/log.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    postgres: { host: string; port: number; user: string; password: string }
  }
}

export const TEMPLATE = 'runsheet_template'

export default async function setup(project: TestProject) {
  await generate()
  const dataDir = await mkdtemp(path.join(tmpdir(), 'runsheet-test-'))
  // Else, as root, the database would have to live elsewhere: PostgreSQL runs as a user who may not enter here.
  await chmod(dataDir, 0o755)
  const postgres = await openEmbedded({ dataDir, log: createLog('warn'), durable: false })
  const { host, port, user, password } = postgres.connection
  const admin = new pg.Client({ ...postgres.connection, database: 'postgres' })
  await admin.connect()
  await admin.query(`create database ${TEMPLATE}`)
  await admin.end()
  await migrate({ ...postgres.connection, database: TEMPLATE })
  project.provide('postgres', { host, port, user, password })
  return async () => {
    await postgres.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}
