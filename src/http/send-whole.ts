import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { discardBody } from './body.ts'

/**
 * Sends a whole answer at once, also to a request whose body nobody wants: that must not be taken for the next request,
 * and is ended when the client has had a moment to send it.
 */
export async function sendWhole(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: { status: number; headers: OutgoingHttpHeaders; body: string | Buffer },
): Promise<void> {
  const unread = !request.complete
  response.writeHead(status, {
    ...headers,
    ...(unread && { connection: 'close' }),
    'content-length': Buffer.byteLength(body),
  })
  response.write(body)
  if (unread) await discardBody(request)
  response.end()
}

export const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' }
