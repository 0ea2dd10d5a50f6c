/**
 * Writes the migration from the committed schema.prisma to the one in the working tree:
 *
 *     node --import tsx prisma/new-migration.ts add_run_priority
 *
 * Run it in the checkout's root, once per commit: what is not committed is in the new migration. What Prisma cannot
 * express (partial indexes, functions) is added to the file by hand, before it is applied anywhere.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { diffMigration } from '../src/db/migrate.ts'

const name = process.argv[2] ?? ''
if (!/^[a-z0-9_]+$/.test(name)) throw new Error('Name the migration in lower case: add_run_priority')

mkdirSync('prisma/migrations', { recursive: true })
const isFirst = !readdirSync('prisma/migrations', { withFileTypes: true }).some((entry) => entry.isDirectory())
const committed = isFirst ? '' : execFileSync('git', ['show', 'HEAD:./prisma/schema.prisma'], { encoding: 'utf8' })
const sql = await diffMigration(committed, readFileSync('prisma/schema.prisma', 'utf8'))
if (!sql) {
  console.log('The schema is as it was committed: no migration needed')
} else {
  const now = new Date().toISOString().replace(/\D/g, '').slice(0, 14)
  const folder = `prisma/migrations/${now}_${name}`
  mkdirSync(folder)
  writeFileSync(`${folder}/migration.sql`, sql)
  const lock = 'prisma/migrations/migration_lock.toml'
  if (!existsSync(lock)) writeFileSync(lock, '# Kept for the prisma command.\nprovider = "postgresql"\n')
  console.log(`Wrote ${folder}/migration.sql`)
}
