import { execFile, execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type EmbeddedPostgres, openEmbedded } from '../../src/db/embedded.ts'
import { diffMigration, MigrationError, migrate } from '../../src/db/migrate.ts'
import { createLog } from '../../src/kernel/log.ts'

const checkout = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)

let dir: string
let server: EmbeddedPostgres
let admin: pg.Client
let connection: EmbeddedPostgres['connection']
let count = 0

beforeAll(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'runsheet-migrate-'))
  fs.chmodSync(dir, 0o755)
  server = await openEmbedded({ dataDir: path.join(dir, 'data'), log: createLog('silent'), durable: false })
  admin = new pg.Client(server.connection)
  await admin.connect()
})

afterAll(async () => {
  await admin?.end()
  await server?.stop()
  fs.rmSync(dir, { recursive: true, force: true })
})

beforeEach(async () => {
  const database = `migrate_${++count}`
  await admin.query(`create database ${database}`)
  connection = { ...server.connection, database }
})

/** A prisma folder with these migrations, by name. */
function prismaDir(migrations: Record<string, string>) {
  const folder = fs.mkdtempSync(path.join(dir, 'prisma-'))
  for (const [name, sql] of Object.entries(migrations)) {
    fs.mkdirSync(path.join(folder, 'migrations', name), { recursive: true })
    fs.writeFileSync(path.join(folder, 'migrations', name, 'migration.sql'), sql)
  }
  return folder
}

async function query(sql: string) {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

const two = { '20260101000000_one': 'create table one (id int);', '20260102000000_two': 'create table two (id int);' }

describe('migrate', () => {
  it('applies what is not applied yet, in order, and leaves no connection open', async () => {
    const { '20260101000000_one': first } = two
    expect(await migrate(connection, { prismaDir: prismaDir({ '20260101000000_one': first }) })).toEqual([
      '20260101000000_one',
    ])
    expect(await migrate(connection, { prismaDir: prismaDir(two) })).toEqual(['20260102000000_two'])
    expect(await migrate(connection, { prismaDir: prismaDir(two) })).toEqual([])
    expect(await query('select count(*)::int as rows from one, two')).toEqual([{ rows: 0 }])
    const recorded = await query(
      'select migration_name as name, finished_at is not null as done, applied_steps_count as steps from _prisma_migrations order by 1',
    )
    expect(recorded).toEqual(Object.keys(two).map((name) => ({ name, done: true, steps: 1 })))
    const open = `select count(*)::int as open from pg_stat_activity where application_name = 'runsheet migrate'`
    await expect.poll(async () => (await admin.query(open)).rows).toEqual([{ open: 0 }])
  })

  it('applies each migration once when two start at the same moment in one process', async () => {
    const options = { prismaDir: prismaDir(two) }
    const answers = await Promise.all([migrate(connection, options), migrate(connection, options)])
    expect(answers.sort((a, b) => a.length - b.length)).toEqual([[], Object.keys(two)])
  })

  it('applies each migration once when two processes start at the same moment, and they end', async () => {
    const fixture = path.join(checkout, 'test/db/fixtures/migrator.ts')
    const args = ['--import', 'tsx', fixture, JSON.stringify(connection), prismaDir(two)]
    // The engine leaves a timer of 10 s: a process that it kept from ending would be ended here.
    const options = { cwd: checkout, timeout: 9_000 }
    const outputs = await Promise.all([0, 1].map(() => run(process.execPath, args, options)))
    const answers = outputs.map(({ stdout }) => JSON.parse(stdout) as string[])
    expect(answers.sort((a, b) => a.length - b.length)).toEqual([[], Object.keys(two)])
  })

  it('refuses a database that holds tables of something else, and leaves it alone', async () => {
    await query('create table foreign_one (id int)')
    const attempt = migrate(connection, { prismaDir: prismaDir(two) })
    await expect(attempt).rejects.toThrow(MigrationError)
    await expect(attempt).rejects.toThrow('The database holds tables that are not of Runsheet: give it an empty one')
    expect(await query(`select tablename from pg_tables where schemaname = 'public'`)).toEqual([
      { tablename: 'foreign_one' },
    ])
  })

  it('applies semicolons in function bodies, texts and comments as they stand', async () => {
    const sql = `-- first; not a statement
      create function double(n int) returns int language plpgsql as $$ begin n := n * 2; return n; end; $$;
      create table said (words text default 'a;b');`
    await migrate(connection, { prismaDir: prismaDir({ '20260101000000_f': sql }) })
    expect(await query('insert into said default values returning words, double(4) as eight')).toEqual([
      { words: 'a;b', eight: 8 },
    ])
  })

  it('leaves nothing of a migration that fails, keeps those before it, and tries again the next time', async () => {
    const failing = { ...two, '20260102000000_two': 'create table two (id int); select 1 / 0;' }
    const attempt = migrate(connection, { prismaDir: prismaDir(failing) })
    await expect(attempt).rejects.toThrow('Migration 20260102000000_two was not applied: division by zero')
    await expect(attempt).rejects.toThrow(MigrationError)
    expect(await query(`select to_regclass('one') as one, to_regclass('two') as two`)).toEqual([
      { one: 'one', two: null },
    ])
    expect(await migrate(connection, { prismaDir: prismaDir(two) })).toEqual(['20260102000000_two'])
  })

  it('does not say that it is done when the connection is lost on the way', async () => {
    const sql = 'create table one (id int); select pg_terminate_backend(pg_backend_pid());'
    await expect(migrate(connection, { prismaDir: prismaDir({ '20260101000000_one': sql }) })).rejects.toThrow(
      /terminating connection|Connection terminated/,
    )
    expect(await query(`select to_regclass('one') as one`)).toEqual([{ one: null }])
    expect(await migrate(connection, { prismaDir: prismaDir(two) })).toEqual(Object.keys(two))
  })

  it('says that there is no database when there is none', async () => {
    const nowhere = { ...connection, database: 'no_such_database' }
    await expect(migrate(nowhere, { prismaDir: prismaDir(two) })).rejects.toThrow(
      'database "no_such_database" does not exist',
    )
  })
})

const model = (fields: string) =>
  `datasource db {\n  provider = "postgresql"\n}\n\nmodel Thing {\n  id Int @id\n  ${fields}\n\n  @@map("thing")\n}\n`

describe('diffMigration', () => {
  it('gives the SQL from nothing, and from one schema to the next, that the database accepts', async () => {
    const first = await diffMigration('', model('name String'))
    expect(first).not.toContain('CREATE SCHEMA')
    const second = await diffMigration(model('name String'), model('name String\n  size Int @default(0)'))
    await migrate(connection, { prismaDir: prismaDir({ '20260101000000_a': first, '20260102000000_b': second }) })
    expect(await query(`insert into thing (id, name) values (1, 'x') returning *`)).toEqual([
      { id: 1, name: 'x', size: 0 },
    ])
  })

  it('gives nothing where nothing differs', async () => {
    expect(await diffMigration(model('name String'), model('name  String'))).toBe('')
  })

  it('says what is wrong with a schema', async () => {
    await expect(diffMigration('', model('name Strin'))).rejects.toThrow('Type "Strin" is neither a built-in type')
  })
})

describe('prisma/new-migration.ts', () => {
  const script = path.join(checkout, 'prisma/new-migration.ts')
  const tsx = path.join(checkout, 'node_modules/tsx/dist/loader.mjs')

  it('writes the first migration from nothing, and the next from what is committed', async () => {
    const root = fs.mkdtempSync(path.join(dir, 'checkout-'))
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.org', ...args], { cwd: root })
    const write = (text: string) => fs.writeFileSync(path.join(root, 'prisma/schema.prisma'), text)
    const newMigration = (name: string) => run(process.execPath, ['--import', tsx, script, name], { cwd: root })
    fs.mkdirSync(path.join(root, 'prisma'))
    git('init', '--quiet')
    write(model('name String'))
    await newMigration('first')
    git('add', '.')
    git('commit', '--quiet', '-m', 'first')
    expect((await newMigration('nothing')).stdout).toContain('no migration needed')
    write(model('name String\n  size Int @default(0)'))
    await newMigration('add_size')

    const names = fs.readdirSync(path.join(root, 'prisma/migrations')).sort()
    expect(names).toEqual([
      expect.stringMatching(/^\d{14}_first$/),
      expect.stringMatching(/^\d{14}_add_size$/),
      'migration_lock.toml',
    ])
    expect(await migrate(connection, { prismaDir: path.join(root, 'prisma') })).toEqual(names.slice(0, 2))
    expect(await query('select size from thing')).toEqual([])
  })

  it('refuses a name that does not suit a folder', async () => {
    const attempt = run(process.execPath, ['--import', tsx, script, '../x'], { cwd: dir })
    await expect(attempt).rejects.toHaveProperty('stderr', expect.stringContaining('Name the migration in lower case'))
  })
})
