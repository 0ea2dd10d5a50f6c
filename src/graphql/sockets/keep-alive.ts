/**
 * Asks sockets whether they still live, and cuts those that did not answer by the next time. One timer for all; each socket
 * has a beat of its own, so that thousands are not asked at once.
 */
import type { WebSocket } from 'ws'

const BEATS = 12

type Living = {
  readonly socket: Pick<WebSocket, 'readyState' | 'OPEN' | 'ping' | 'terminate'>
  beat: number
  isSilent: boolean
}

/** Each is asked every `everyMs`, first that long after it was added. `all`: those that are there. */
export function createKeepAlive(all: { values(): Iterable<Living> }, everyMs: number) {
  let now = 0

  function ask(each: Living) {
    if (each.socket.readyState !== each.socket.OPEN) return
    if (each.isSilent) return each.socket.terminate()
    each.isSilent = true
    each.socket.ping()
  }

  const timer = setInterval(() => {
    now = (now + 1) % BEATS
    for (const each of all.values()) if (each.beat === now) ask(each)
  }, everyMs / BEATS)
  timer.unref()

  return {
    add(living: Living): void {
      living.beat = now
    },
    stop: () => clearInterval(timer),
  }
}
