/**
 * An answer that may take hours. One that is there soon goes out whole. Else a byte of white space, which JSON has no
 * meaning for, follows the other until it is there: proxies and clients then see that the connection is alive.
 */
import type { TypedResponse } from 'hono'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import { currentRequest } from '../kernel/request.ts'

export type HeldAnswerDeps = {
  clock: Clock
  /** A fault after the first byte: the status is out, so the connection breaks. */
  onFault(error: unknown): void
}

/** Whose end could not be told goes to the log. */
export function untold(log: Log, runId: string): HeldAnswerDeps['onFault'] {
  const requestId = currentRequest.getStore()?.id
  return (err) => log.error({ err, requestId, runId }, 'the end of a run could not be told')
}

/** Proxies give up a connection on which nothing came for 30 to 60 s. */
export const WHITE_SPACE_MS = 15_000

const encoder = new TextEncoder()
const WHITE_SPACE = encoder.encode(' ')
/** A proxy that collects an answer before it passes it on would send none of the white space. */
const HEADERS = {
  'content-type': 'application/json; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
}

/**
 * `value` null: there will be no answer, because nobody waits for it or the node is stopping. Whoever still waits then
 * sees the connection break when the server closes it.
 */
export async function heldAnswer<Value extends object>(
  value: Promise<Value | null>,
  deps: HeldAnswerDeps,
): Promise<Response & TypedResponse<Value, 200, 'json'>> {
  let cancel = () => {}
  const late = new Promise<'late'>((resolve) => {
    cancel = deps.clock.after(WHITE_SPACE_MS, () => resolve('late'))
  })
  const soon = await Promise.race([value, late]).finally(() => cancel())
  if (soon === null) return new Promise<never>(() => {})
  const answer = soon === 'late' ? new Response(padded(value, deps), { headers: HEADERS }) : Response.json(soon)
  return answer as Response & TypedResponse<Value, 200, 'json'>
}

function padded(value: Promise<object | null>, { clock, onFault }: HeldAnswerDeps): ReadableStream<Uint8Array> {
  let isOpen = true
  let cancel = () => {}
  function close() {
    isOpen = false
    cancel()
  }
  return new ReadableStream({
    start(stream) {
      function pad() {
        stream.enqueue(WHITE_SPACE)
        cancel = clock.after(WHITE_SPACE_MS, pad)
      }
      pad()
      value.then(
        (found) => {
          if (!isOpen) return
          close()
          if (found === null) return
          stream.enqueue(encoder.encode(JSON.stringify(found)))
          stream.close()
        },
        (error) => {
          if (!isOpen) return
          close()
          onFault(error)
          stream.error(error)
        },
      )
    },
    cancel: close,
  })
}
