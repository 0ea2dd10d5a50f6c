/** What two requests are compared by: equal values have equal digests, in whatever order the fields of objects come. */
import { createHash } from 'node:crypto'

/** SHA-256 of a value of JSON, of which instants may be a part. What is undefined counts as absent. */
export function fingerprintOf(value: unknown): Uint8Array<ArrayBuffer> {
  const hash = createHash('sha256')
  // Not a function that calls itself: a request may go deeper than the stack does.
  const left = [value]
  const push = (parts: unknown[]) => {
    for (let index = parts.length - 1; index >= 0; index--) left.push(parts[index])
  }
  // What comes in parts says first how many: no two values that differ read alike.
  while (left.length > 0) {
    const next = left.pop()
    if (typeof next === 'string') hash.update(`s${Buffer.byteLength(next)}:`).update(next)
    else if (next instanceof Date) hash.update(`d${next.toISOString()};`)
    else if (Array.isArray(next)) {
      hash.update(`a${next.length}:`)
      push(next)
    } else if (typeof next === 'object' && next !== null) {
      const fields = Object.entries(next).filter(([, each]) => each !== undefined)
      hash.update(`o${fields.length}:`)
      push(fields.sort(([one], [other]) => (one < other ? -1 : 1)).flat())
    } else hash.update(`${typeof next}${next};`)
  }
  return new Uint8Array(hash.digest())
}
