/** An operation that came over a WebSocket, from the moment on at which it was asked until its end was told. */
import { SocketSink } from '../streams/socket-sink.ts'
import type { Subscriber, Taker } from '../streams/subscriber.ts'
import type { Session } from './session.ts'

/** An object and no closures: there are tens of thousands of them. */
export class Operation extends SocketSink implements Taker {
  readonly #session: Session
  readonly id: string
  isOver = false
  /** Of a stream. */
  subscriber: Subscriber | null = null
  /** Of a stream: ends the watching of the token that it lives on. */
  unwatch: (() => void) | null = null

  constructor(session: Session, id: string) {
    super(session.socket, session.connection, id)
    this.#session = session
    this.id = id
  }

  /** Nobody wants it any more. What is still at work for it goes on to its end, and is told to nobody. */
  leave(): void {
    this.subscriber?.end()
  }

  /** As often as one likes. */
  end(reason?: unknown): void {
    if (this.isOver) return
    this.isOver = true
    this.unwatch?.()
    this.#session.ended(this, reason)
  }
}
