/** Secrets of the installation that nobody configured: made at the first start, and kept in DATA_DIR. */
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'

/** The content of a file in `folder`; if there is none, `make` says what it is to be. Readable by its owner only. */
export async function keptSecret(
  folder: string,
  name: string,
  make: () => string,
): Promise<{ secret: string; isNew: boolean }> {
  const file = path.join(folder, name)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  try {
    const secret = make()
    await writeFile(file, `${secret}\n`, { mode: 0o600, flag: 'wx' })
    return { secret, isNew: true }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    await chmod(file, 0o600)
    return { secret: (await readFile(file, 'utf8')).trim(), isNew: false }
  }
}

/** 64 hex digits. */
export const newKey = (): string => randomBytes(32).toString('hex')
