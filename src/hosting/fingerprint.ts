/** Whether the name of a file tells its content: then whoever has it need never ask again. Pure. */

/** Characters of a hash that bundlers put into names. */
const LEAST = 8
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi

/**
 * `assets/app.3f9a2b1c.js`, `index-BfX3k9aZ.css`. Rather none too many: taken for one in error, a file is stale in
 * browsers for a year; not taken for one, it is asked for again. So dates, sizes, words with numbers and the ids of
 * things are none, and what is a page never is.
 */
export function isFingerprinted(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const dot = name.lastIndexOf('.')
  if (dot < 0 || /^x?html?$/i.test(name.slice(dot + 1))) return false
  return name
    .slice(0, dot)
    .replace(UUID, '')
    .split(/[.\-_~]/)
    .some(isHashLike)
}

function isHashLike(segment: string): boolean {
  if (segment.length < LEAST || !/^[A-Za-z0-9]+$/.test(segment) || /^(19|20)\d\d/.test(segment)) return false
  const changes = changesOf(segment)
  if (/^[0-9a-f]+$/.test(segment)) return changes >= 2
  // Of base 32, 36 or 64: letters and digits in turns, and no word among them.
  return changes >= 3 && !/[a-z]{5}/.test(segment)
}

/** How often a letter follows a digit or a digit a letter. */
const changesOf = (text: string) => [...text.matchAll(/\d(?=\D)|\D(?=\d)/g)].length
