/** What two requests are compared by: equal values have equal digests, in whatever order the fields of objects come. */
import { createHash, type Hash } from 'node:crypto'

/** SHA-256 of a value of JSON, of which instants may be a part. What is undefined counts as absent. */
export function fingerprintOf(value: unknown): Uint8Array<ArrayBuffer> {
  const hash = createHash('sha256')
  add(hash, value)
  return new Uint8Array(hash.digest())
}

/** Whatever comes in parts says first how many: no two values that differ read alike. */
function add(hash: Hash, value: unknown): void {
  if (typeof value === 'string') hash.update(`s${Buffer.byteLength(value)}:`).update(value)
  else if (Array.isArray(value)) {
    hash.update(`a${value.length}:`)
    for (const item of value) add(hash, item)
  } else if (value instanceof Date) hash.update(`d${value.toISOString()};`)
  else if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(([, each]) => each !== undefined)
    hash.update(`o${fields.length}:`)
    for (const [name, each] of fields.sort(([one], [other]) => (one < other ? -1 : 1))) {
      add(hash, name)
      add(hash, each)
    }
  } else hash.update(`${typeof value}${value};`)
}
