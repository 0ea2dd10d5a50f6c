/**
 * Writes results to a WebSocket as graphql-transport-ws has them. All who share a result share its text, and what comes
 * together is one write: a call of the system costs more than everything else that is done for a message.
 */
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { SharedResult } from './result.ts'
import type { Sink } from './subscriber.ts'

/** Bytes that may wait for a slow client. */
const LIMIT = 1024 * 1024

const TAIL = Buffer.from('}')
/** RFC 6455, 5.2: the last frame of a message of text, unmasked; its length in 7 bits, or in 16 or 64 more behind them. */
const TEXT = 0x81
const SHORT = 126
const LENGTH_16 = 126
const LENGTH_64 = 127

export class SocketSink implements Sink {
  readonly #socket: WebSocket
  readonly #connection: Socket
  /** A text, as a small buffer would keep the 8 KiB that it is cut from. */
  readonly #head: string

  /** `connection`: what the socket writes to. `id`: of the subscription on it. */
  constructor(socket: WebSocket, connection: Socket, id: string) {
    this.#socket = socket
    this.#connection = connection
    this.#head = `{"id":${JSON.stringify(id)},"type":"next","payload":`
  }

  send(results: readonly SharedResult[], taken?: () => void): void {
    if (this.#socket.readyState !== this.#socket.OPEN) {
      taken?.()
      return
    }
    const head = this.#head
    const headLength = Buffer.byteLength(head)
    const lengths = results.map(({ bytes }) => headLength + bytes.length + TAIL.length)
    const frames = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + length + headerSize(length), 0))
    let at = 0
    for (const [index, { bytes }] of results.entries()) {
      at = writeHeader(frames, at, lengths[index] ?? 0)
      at += frames.write(head, at)
      at += bytes.copy(frames, at)
      at += TAIL.copy(frames, at)
    }
    this.#connection.write(frames, taken && (() => taken()))
  }

  isFull(): boolean {
    return this.#connection.writableLength > LIMIT
  }
}

const headerSize = (length: number): number => (length < SHORT ? 2 : length < 65_536 ? 4 : 10)

/** Where the payload begins. */
function writeHeader(frame: Buffer, at: number, length: number): number {
  const first = frame.writeUInt8(TEXT, at)
  if (length < SHORT) return frame.writeUInt8(length, first)
  if (length < 65_536) return frame.writeUInt16BE(length, frame.writeUInt8(LENGTH_16, first))
  return frame.writeBigUInt64BE(BigInt(length), frame.writeUInt8(LENGTH_64, first))
}
