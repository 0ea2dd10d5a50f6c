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
const earlier = readdirSync('prisma/migrations').filter((entry) => /^\d{14}_/.test(entry))
const isFirst = earlier.length === 0
const committed = isFirst ? '' : execFileSync('git', ['show', 'HEAD:./prisma/schema.prisma'], { encoding: 'utf8' })
const sql = await diffMigration(committed, readFileSync('prisma/schema.prisma', 'utf8'))
if (!sql) {
  console.log('The schema is as it was committed: no migration needed')
} else {
  // They are applied in the order of their names: two of one second, or of two clocks, must not change places.
  const newest = Math.max(...earlier.map(secondOf))
  const folder = `prisma/migrations/${stampOf(Math.max(Date.now(), newest + 1000))}_${name}`
  mkdirSync(folder)
  writeFileSync(`${folder}/migration.sql`, sql)
  const lock = 'prisma/migrations/migration_lock.toml'
  if (!existsSync(lock)) writeFileSync(lock, '# Kept for the prisma command.\nprovider = "postgresql"\n')
  console.log(`Wrote ${folder}/migration.sql`)
}

function stampOf(time: number): string {
  return new Date(time).toISOString().replace(/\D/g, '').slice(0, 14)
}

/** Milliseconds since the epoch of `20261124183344_…`. */
function secondOf(folder: string): number {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(folder) ?? []
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
}
