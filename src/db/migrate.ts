/**
 * Brings a database up to the migrations in prisma/migrations, with Prisma's own engine (WebAssembly) and its own table,
 * so that `prisma migrate deploy` may be used just as well. Unlike there, a migration and the record of it are one
 * transaction: one that fails or is killed leaves nothing behind, and the next start tries again. The price is that a
 * migration cannot hold what PostgreSQL refuses inside of transactions (`CREATE INDEX CONCURRENTLY`).
 */
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { PrismaPg } from '@prisma/adapter-pg'
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils'
import * as glue from '@prisma/schema-engine-wasm/schema_engine_bg'
import pg from 'pg'

/** The database holds what is not ours, or a migration does not fit it. The database is as it was. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError'
}

/** From `src/db` and from `dist/db` alike. */
const ownPrismaDir = fileURLToPath(new URL('../../prisma', import.meta.url))

const filters: glue.SchemaFilter = { externalTables: [], externalEnums: [] }

/**
 * Returns the names of the migrations that it applied. Several at once wait for each other. Rejects with MigrationError,
 * or as `pg` does where there is no connection.
 */
export async function migrate(connection: pg.PoolConfig, { prismaDir = ownPrismaDir } = {}): Promise<string[]> {
  // One connection, closed at the end: it is the transaction, and its end frees the engine's lock, which nothing else does.
  const pool = new pg.Pool({ ...connection, application_name: 'runsheet migrate', max: 1, idleTimeoutMillis: 0 })
  let connections = 0
  pool.on('connect', () => connections++)
  pool.on('error', () => {})
  try {
    // The engine has a lock too, but gives up waiting for it after 10 s.
    await pool.query("select pg_advisory_lock(hashtext('runsheet migrate'))")
    const all = migrationsIn(prismaDir)
    const applied = await appliedTo(pool)
    const pending = all.migrationDirectories.map((each) => each.path).filter((name) => !applied.has(name))
    if (pending.length > 0) await apply(pending, all, pool)
    // The pool replaces a lost connection without a word, and then there was nothing to commit.
    if (connections > 1) throw new MigrationError('The connection was lost while migrations were applied')
    return pending
  } finally {
    await pool.end()
  }
}

async function apply(names: string[], all: glue.MigrationList, pool: pg.Pool) {
  const { engine, failure } = await engineOn(pool)
  try {
    for (const name of names) {
      const migrationDirectories = all.migrationDirectories.filter((each) => each.path <= name)
      await pool.query('begin')
      await engine.applyMigrations({ migrationsList: { ...all, migrationDirectories }, filters }).catch((error) => {
        throw explain(name, failure() ?? error)
      })
      await pool.query('commit')
    }
  } finally {
    engine.free()
  }
}

function migrationsIn(prismaDir: string): glue.MigrationList {
  const baseDir = path.join(prismaDir, 'migrations')
  const names = readdirSync(baseDir, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return {
    baseDir,
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    shadowDbInitScript: '',
    migrationDirectories: names
      .map(({ name }) => ({
        path: name,
        migrationFile: {
          path: 'migration.sql',
          content: { tag: 'ok' as const, value: readFileSync(path.join(baseDir, name, 'migration.sql'), 'utf8') },
        },
      }))
      .sort((a, b) => (a.path < b.path ? -1 : 1)),
  }
}

async function appliedTo(pool: pg.Pool): Promise<Set<string>> {
  const { rows } = await pool.query<{ there: boolean }>("select to_regclass('_prisma_migrations') is not null as there")
  if (!rows[0]?.there) return new Set()
  const done =
    'select migration_name as name from _prisma_migrations where finished_at is not null and rolled_back_at is null'
  return new Set((await pool.query<{ name: string }>(done)).rows.map(({ name }) => name))
}

function explain(name: string, error: unknown) {
  const { code, message } = error as { code?: string; message: string }
  if (code === 'P3005') {
    return new MigrationError('The database holds tables that are not of Runsheet: give it an empty one', {
      cause: error,
    })
  }
  return new MigrationError(`Migration ${name} was not applied: ${panic ?? message}`, { cause: error })
}

/** `failure` is what PostgreSQL said of a script: the engine tells only of its own confusion afterwards. */
async function engineOn(pool: pg.Pool) {
  const factory = new PrismaPg(pool)
  let failure: unknown
  const connect = async () => {
    const adapter = await factory.connect()
    // Its own cuts the script at each semicolon, also in function bodies, texts and comments.
    adapter.executeScript = async (script) => {
      await pool.query(script).catch((error) => {
        failure = error
        throw error
      })
    }
    return adapter
  }
  return { engine: await openEngine(connect), failure: () => failure }
}

/**
 * The SQL that leads from one text of schema.prisma to another, '' if none is needed. Works without a database.
 * An empty text means an empty database. Rejects if one of the texts is no schema.
 */
export async function diffMigration(fromSchema: string, toSchema: string): Promise<string> {
  const engine = await openEngine(async () => noDatabase)
  const target = (content: string): glue.DiffTarget => ({
    tag: 'schemaDatamodel',
    // The engine's own `empty` would also create the schema "public", which takes rights that an operator may not have.
    files: [
      { path: 'schema.prisma', content: content.trim() ? content : 'datasource db {\n  provider = "postgresql"\n}\n' },
    ],
  })
  try {
    const params = { from: target(fromSchema), to: target(toSchema), script: true, exitCode: true, filters }
    const { exitCode, stdout } = await engine.diff(params)
    return exitCode === 0 ? '' : (stdout ?? '')
  } finally {
    engine.free()
  }
}

/** The engine asks at once whether its schema exists and which server this is; comparing texts asks nothing more. */
const noDatabase: SqlDriverAdapter = {
  provider: 'postgres',
  adapterName: 'none',
  queryRaw: async () => ({
    columnNames: ['exists', 'version', 'numeric_version'],
    columnTypes: [ColumnTypeEnum.Boolean, ColumnTypeEnum.Text, ColumnTypeEnum.Int32],
    rows: [[true, 'PostgreSQL 15.0', 150000]],
  }),
  executeRaw: () => Promise.reject(new Error('There is no database')),
  executeScript: () => Promise.reject(new Error('There is no database')),
  startTransaction: () => Promise.reject(new Error('There is no database')),
  dispose: async () => {},
}

async function openEngine(connect: SqlMigrationAwareDriverAdapterFactory['connect']) {
  loaded ??= load()
  await loaded
  const factory: SqlMigrationAwareDriverAdapterFactory = {
    provider: 'postgres',
    adapterName: '@prisma/adapter-pg',
    connect,
    connectToShadowDb: () => Promise.reject(new Error('There is no shadow database')),
  }
  return glue.SchemaEngine.new({ datamodels: undefined }, () => {}, bindMigrationAwareSqlAdapterFactory(factory))
}

/** Node has it, but its types for version 20 do not. */
declare const WebAssembly: {
  instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: { __wbindgen_start(): void } } }>
}

let loaded: Promise<void> | undefined
let panic: string | undefined

/** Once per process: a second instance panics. The package's own entry imports .wasm, which Node 20 cannot. */
async function load() {
  const wasm = createRequire(import.meta.url)
    .resolve('@prisma/schema-engine-wasm/schema_engine_bg')
    .replace(/js$/, 'wasm')
  // Where the glue looks for somebody to tell of a panic; without it, the panic is about this lack.
  Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: { set_message: (message: string) => (panic = message) } })
  // The engine never clears the timer of its lock, so a process that is done would live on for 10 s.
  const idleTimer = (fn: () => void, ms: number) => setTimeout(fn, ms).unref()
  const patched = Object.entries(glue).map(([name, fn]) => [name, name.startsWith('__wbg_setTimeout') ? idleTimer : fn])
  const imports = { './schema_engine_bg.js': Object.fromEntries(patched) }
  const { instance } = await WebAssembly.instantiate(readFileSync(wasm), imports)
  const { __wbg_set_wasm } = glue as unknown as { __wbg_set_wasm(exports: object): void }
  __wbg_set_wasm(instance.exports)
  instance.exports.__wbindgen_start()
}
