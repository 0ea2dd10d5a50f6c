/** Random bytes, drawn for many at once: a call for each takes longer than what most do with them. */
import { randomBytes } from 'node:crypto'

const AT_ONCE = 4096

let drawn = Buffer.alloc(0)
let used = 0

/** `count`: much less than 4096. Nobody else gets them. */
export function drawBytes(count: number): Buffer {
  if (used + count > drawn.length) {
    drawn = randomBytes(AT_ONCE)
    used = 0
  }
  used += count
  return drawn.subarray(used - count, used)
}
