/**
 * Streams of events that are under way over HTTP, or about to be. A server that stops cuts them: at a proper end their
 * readers would take it that there is no more to come, and not come back.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'

export type EventStreams = ReturnType<typeof createEventStreams>

const TYPE = 'text/event-stream'

export function createEventStreams() {
  const open = new Set<ServerResponse>()
  let isCut = false
  return {
    /** Once they are cut, so is whoever comes. */
    watch({ headers }: IncomingMessage, response: ServerResponse): void {
      if (!headers.accept?.includes(TYPE)) return
      if (isCut) return void response.destroy()
      open.add(response)
      response.once('close', () => open.delete(response))
    },
    cut(): void {
      isCut = true
      for (const response of open) response.destroy()
    },
  }
}

export const isEventStream = (response: ServerResponse): boolean =>
  String(response.getHeader('content-type')).startsWith(TYPE)
