/**
 * Streams of events that are under way over HTTP. A server that stops cuts them: at a proper end their readers would take
 * it that there is no more to come, and not come back.
 */
import type { ServerResponse } from 'node:http'

export type EventStreams = ReturnType<typeof createEventStreams>

export function createEventStreams() {
  const open = new Set<ServerResponse>()
  return {
    /** It may become one. */
    watch(response: ServerResponse): void {
      open.add(response)
      response.once('close', () => open.delete(response))
    },
    cut(): void {
      for (const response of open) if (isEventStream(response)) response.destroy()
    },
  }
}

export const isEventStream = (response: ServerResponse): boolean =>
  String(response.getHeader('content-type')).startsWith('text/event-stream')
