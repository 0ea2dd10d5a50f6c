/**
 * Where the database of a DATA_DIR lives and as whom it runs. PostgreSQL refuses to be root, so root lends the folder to
 * an ordinary user, who must also be able to reach it.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Log } from '../kernel/log.ts'

/** Empty: as ourselves. */
export type RunAs = { uid?: number; gid?: number }

export type Home = { dir: string; data: string; logFile: string; runAs: RunAs; password: string }

const execute = promisify(execFile)

/** Rejects with what the program said, if it fails. PG* and locale variables do not reach it. */
export const run = (file: string, args: string[], runAs: RunAs) =>
  execute(file, args, { ...runAs, cwd: '/', env: { PATH: process.env.PATH, TZ: 'UTC', LC_ALL: 'C' } })

const succeeds = (file: string, args: string[], runAs: RunAs) =>
  run(file, args, runAs).then(
    () => true,
    () => false,
  )

const canEnter = (dir: string, runAs: RunAs) => succeeds('/bin/sh', ['-c', 'cd "$1"', 'sh', dir], runAs)

/**
 * Makes DATA_DIR if need be. What is decided once, folder and password, is kept in DATA_DIR/postgres.json.
 * Rejects if that folder is gone: beginning anew without a word would look like a loss of all data.
 */
export async function openHome(dataDir: string, log: Log): Promise<Home> {
  const isRoot = process.getuid?.() === 0
  if (fs.mkdirSync(dataDir, { recursive: true })) fs.chmodSync(dataDir, isRoot ? 0o711 : 0o700)
  const root = fs.realpathSync(dataDir)
  const file = path.join(root, 'postgres.json')
  if (!fs.existsSync(file)) {
    const dir = !isRoot || (await canEnter(root, await ordinaryUser())) ? 'postgres' : outside()
    fs.mkdirSync(path.resolve(root, dir), { recursive: true, mode: 0o700 })
    createOnce(file, JSON.stringify({ password: randomBytes(24).toString('hex'), dir }))
  }
  const kept = JSON.parse(fs.readFileSync(file, 'utf8')) as { password: string; dir: string }
  const dir = path.resolve(root, kept.dir)
  if (!fs.existsSync(dir))
    throw new Error(`${dir}, which held the database, is gone. To begin anew, delete ${file} too.`)
  if (path.isAbsolute(kept.dir)) log.warn(`Only root may enter ${root}: the database lives in ${dir}`)
  return {
    dir,
    data: path.join(dir, 'data'),
    logFile: path.join(root, 'postgres.log'),
    runAs: isRoot ? await lend(dir) : {},
    password: kept.password,
  }
}

/** A new folder that does not lie in DATA_DIR; of another name each time, so that whoever deletes DATA_DIR begins anew. */
function outside() {
  const all = '/var/lib/runsheet'
  fs.mkdirSync(all, { recursive: true })
  fs.chmodSync(all, 0o711)
  return path.join(all, randomBytes(6).toString('hex'))
}

/** The first of several processes decides, and nobody sees half a file. */
function createOnce(file: string, text: string) {
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  fs.writeFileSync(draft, text, { mode: 0o600 })
  try {
    fs.linkSync(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    fs.rmSync(draft)
  }
}

/** initdb looks its user up, so it must be one that the system knows. */
async function ordinaryUser(): Promise<RunAs> {
  const id = async (flag: string, name: string) => Number((await run('id', [flag, name], {})).stdout)
  const name = (await succeeds('id', ['postgres'], {})) ? 'postgres' : 'nobody'
  return { uid: await id('-u', name), gid: await id('-g', name) }
}

/** The folder keeps the user it was first given to, whichever users the system gets later. */
async function lend(dir: string): Promise<RunAs> {
  if (fs.statSync(dir).uid === 0) giveTo(await ordinaryUser(), dir)
  const { uid, gid } = fs.statSync(dir)
  if (!(await canEnter(dir, { uid, gid }))) throw new Error(`User ${uid}, who owns ${dir}, may not enter it`)
  return { uid, gid }
}

/** The folder and all in it. Does nothing where there is nobody to lend to. */
export function giveTo({ uid, gid }: RunAs, dir: string) {
  if (uid === undefined || gid === undefined) return
  for (const name of fs.readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
    fs.lchownSync(path.join(dir, name), uid, gid)
  }
  fs.lchownSync(dir, uid, gid)
}

export const hasCluster = ({ data }: Home) => fs.existsSync(path.join(data, 'PG_VERSION'))

/** In a folder of its own that is renamed when complete: nobody ever sees half a cluster. The first one stays. */
export async function createCluster(home: Home, initdb: string) {
  const building = fs.mkdtempSync(`${home.data}.new-`)
  const target = path.join(building, 'data')
  const passwordFile = path.join(building, 'password')
  // Without a fixed locale the encoding would be that of the environment: SQL_ASCII in most containers.
  const locale = ['-E', 'UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const access = ['-U', 'runsheet', '-A', 'scram-sha-256', '--pwfile', passwordFile]
  try {
    fs.writeFileSync(passwordFile, home.password, { mode: 0o600 })
    giveTo(home.runAs, building)
    await run(initdb, ['-D', target, ...access, ...locale, '--no-sync', '--no-instructions'], home.runAs)
    fs.renameSync(target, home.data)
  } catch (error) {
    if (!hasCluster(home)) throw error
  }
}

/** What killed processes left, and what others still build in vain. */
export async function removeDrafts({ dir }: Home) {
  const drafts = fs.readdirSync(dir).filter((name) => name.includes('.new-'))
  await Promise.allSettled(drafts.map((name) => fs.promises.rm(path.join(dir, name), { recursive: true, force: true })))
}
