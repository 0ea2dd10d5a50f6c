/** Writes results to a WebSocket as graphql-transport-ws has them. All who share a result share its text. */
import type { WebSocket } from 'ws'
import type { Sink } from './subscriber.ts'

/** Bytes that may wait for a slow client. */
const LIMIT = 1024 * 1024

const TAIL = Buffer.from('}')

/** `id`: of the subscription on this socket. */
export function socketSink(socket: WebSocket, id: string): Sink {
  const head = Buffer.from(`{"id":${JSON.stringify(id)},"type":"next","payload":`)
  return {
    send({ bytes }, taken) {
      if (socket.readyState !== socket.OPEN) return taken?.()
      socket.send(Buffer.concat([head, bytes, TAIL]), { binary: false }, taken)
    },
    isFull: () => socket.bufferedAmount > LIMIT,
  }
}
