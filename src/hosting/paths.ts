/** Which file of a site an address names. Pure. */
import { flawOfPath } from '../artifacts/spec.ts'

/** Percent-decoded, once; null if it cannot be. */
export function decodePath(pathname: string): string | null {
  try {
    return decodeURIComponent(pathname)
  } catch {
    return null
  }
}

/** `path` null is the entrypoint; `fallbacks` are the pages for the case that the file is missing, the nearest first. */
export type Lookup = { path: string | null; fallbacks: string[] }

/** What to look for at a decoded path below the site's root; null when no file can have that path. */
export function lookupOf(path: string): Lookup | null {
  if (path === '') return { path: null, fallbacks: ['404.html'] }
  const file = path.endsWith('/') ? `${path}index.html` : path
  if (flawOfPath(file)) return null
  const folders = file.split('/').slice(0, -1)
  const fallbacks = folders.map((_, index) => `${folders.slice(0, index + 1).join('/')}/404.html`)
  return { path: file, fallbacks: [...fallbacks.toReversed(), '404.html'] }
}
