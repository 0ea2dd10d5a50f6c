/** Which file of a site an address names. Pure. */
import { flawOfPath } from '../artifacts/spec.ts'

/** Percent-decoded, once; null if it cannot be. */
export function decodePath(pathname: string): string | null {
  if (!pathname.includes('%')) return pathname
  try {
    return decodeURIComponent(pathname)
  } catch {
    return null
  }
}

/** What to look for in a version. */
export type Lookup = {
  /** Null is the entrypoint. */
  path: string | null
  /** The page of the folder that the path may be; null: it cannot be one. */
  folderPage: string | null
  /** Pages that say that there is no such file, the nearest first. */
  missingPages: string[]
}

/** What to look for at a decoded path below the site's root; null when no file can have that path. */
export function lookupOf(path: string): Lookup | null {
  if (path === '') return { path: null, folderPage: null, missingPages: ['404.html'] }
  const isFolder = path.endsWith('/')
  const file = isFolder ? `${path}index.html` : path
  if (flawOfPath(file)) return null
  const folders = file.split('/').slice(0, -1)
  const missingPages = folders.map((_, index) => `${folders.slice(0, index + 1).join('/')}/404.html`)
  return {
    path: file,
    folderPage: isFolder ? null : `${path}/index.html`,
    missingPages: [...missingPages.toReversed(), '404.html'],
  }
}
