/**
 * The protocol graphql-transport-ws on one WebSocket, as graphql-ws has it, without what that keeps of every operation: the
 * messages, the contexts and the chains of iterators of tens of thousands of streams would be most of the memory.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { ExecutionResult, GraphQLError, GraphQLFormattedError } from 'graphql'
import { CloseCode, type Message, MessageType, parseMessage, type SubscribePayload } from 'graphql-ws'
import type { RawData, WebSocket } from 'ws'
import { bearerToken } from '../../identity/bearer.ts'
import type { IdentityService } from '../../identity/service.ts'
import { ForbiddenError } from '../../kernel/errors.ts'
import { newId } from '../../kernel/ids.ts'
import { currentRequest } from '../../kernel/request.ts'
import { formatted } from '../errors.ts'
import type { SocketLane } from './lane.ts'
import { Operation } from './operation.ts'

/** "Try again later": a fault of ours, and clients come back. */
const LATER = 1013
/** Of a close frame, in bytes. */
const LONGEST_REASON = 123

/** What is the same for all sockets. */
export type SessionRules = {
  ask: SocketLane
  mask: (error: unknown) => GraphQLError
  identity: Pick<IdentityService, 'authenticate'>
  /** Who asks, as far as rates are concerned. */
  callerOf: (request: IncomingMessage, authorization: string | undefined) => string
  /** Operations under way at once on one socket. */
  most: number
  /** What is told to one more. Made once: it may be thousands of messages, and costs more than they do. */
  full: GraphQLError
  initTimeoutMs: number
}

/** Who asks on a socket, as its greeting says. `caller`: as far as rates are concerned. */
export type Asker = { authorization: string | undefined; caller: string }

type Params = { authorization?: unknown; Authorization?: unknown } | null | undefined

/** An object and no closures: there are tens of thousands of them. */
export class Session {
  readonly socket: WebSocket
  readonly connection: Socket
  /** When it is asked whether it lives, and whether it still owes the answer. */
  beat = 0
  isSilent = false
  readonly #rules: SessionRules
  /** Null once it has greeted: headers are many, and of no more use. */
  #request: IncomingMessage | null
  #isGreeted = false
  #asker: Asker | null = null
  #patience: NodeJS.Timeout | null
  /** Those that its client wants. */
  readonly #wanted = new Map<string, Operation>()
  /** Those that are at work, also when the client has taken its interest back. */
  #atWork = 0

  constructor(rules: SessionRules, socket: WebSocket, request: IncomingMessage) {
    this.#rules = rules
    this.socket = socket
    this.connection = request.socket
    this.#request = request
    this.#patience = setTimeout(giveUp, rules.initTimeoutMs, socket)
  }

  /** Never throws. */
  async hear(data: RawData): Promise<void> {
    try {
      await this.#take(String(data))
    } catch (error) {
      this.socket.close(CloseCode.InternalServerError, this.#rules.mask(error).message)
    }
  }

  /** The socket is closed. */
  close(): void {
    this.#stopWaiting()
    const operations = [...this.#wanted.values()]
    this.#wanted.clear()
    for (const operation of operations) operation.leave()
  }

  /** Of an operation of its own. `reason`: why there is no more of a stream, if there is one. */
  ended(operation: Operation, reason: unknown): void {
    this.#atWork--
    if (!this.#forget(operation)) return
    if (reason !== undefined) this.#next(operation.id, { errors: [this.#rules.mask(reason)] })
    this.#say({ id: operation.id, type: MessageType.Complete })
  }

  async #take(text: string): Promise<void> {
    const message = messageOf(text)
    switch (message?.type) {
      case undefined:
        return this.socket.close(CloseCode.BadRequest, 'Invalid message received')
      case MessageType.ConnectionInit:
        return this.#greet(message.payload)
      case MessageType.Ping:
        return this.#say({ type: MessageType.Pong, ...(message.payload && { payload: message.payload }) })
      case MessageType.Pong:
        return
      case MessageType.Subscribe:
        return this.#begin(message.id, message.payload)
      case MessageType.Complete: {
        const operation = this.#wanted.get(message.id)
        this.#wanted.delete(message.id)
        return operation?.leave()
      }
      default:
        return this.socket.close(CloseCode.InternalServerError, `Unexpected message of type ${message?.type} received`)
    }
  }

  async #greet(params: Params): Promise<void> {
    if (!this.#request) {
      return this.socket.close(CloseCode.TooManyInitialisationRequests, 'Too many initialisation requests')
    }
    const { identity, callerOf, mask } = this.#rules
    const authorization = authorizationOf(params, this.#request)
    this.#asker = { authorization, caller: callerOf(this.#request, authorization) }
    this.#request = null
    this.#stopWaiting()
    try {
      await identity.authenticate(bearerToken(authorization))
    } catch (error) {
      if (error instanceof ForbiddenError) return this.socket.close(CloseCode.Forbidden, 'Forbidden')
      return this.socket.close(LATER, mask(error).message)
    }
    this.#isGreeted = true
    this.#say({ type: MessageType.ConnectionAck })
  }

  async #begin(id: string, payload: SubscribePayload): Promise<void> {
    const { ask, most, full } = this.#rules
    if (!this.#isGreeted || !this.#asker) return this.socket.close(CloseCode.Unauthorized, 'Unauthorized')
    if (this.#wanted.has(id)) {
      const reason = `Subscriber for ${id} already exists`
      return this.socket.close(CloseCode.SubscriberAlreadyExists, isShort(reason) ? reason : 'Subscriber exists')
    }
    if (this.#atWork >= most) return this.#refuse(id, [full])
    const operation = new Operation(this, id)
    this.#wanted.set(id, operation)
    this.#atWork++
    const asker = this.#asker
    const begun = await currentRequest.run({ id: newId() }, () => ask(payload, asker, operation))
    if (begun === null) return this.#isWanted(operation) ? undefined : operation.leave()
    if ('refused' in begun) {
      if (this.#forget(operation)) this.#refuse(id, begun.refused)
    } else if (this.#isWanted(operation)) this.#next(id, begun.result)
    operation.end()
  }

  #isWanted(operation: Operation): boolean {
    return this.#wanted.get(operation.id) === operation
  }

  /** Whether it was wanted. */
  #forget(operation: Operation): boolean {
    return this.#isWanted(operation) && this.#wanted.delete(operation.id)
  }

  #refuse(id: string, errors: readonly GraphQLError[]): void {
    this.#say({ id, type: MessageType.Error, payload: this.#shown(errors) })
  }

  #next(id: string, result: ExecutionResult): void {
    const payload = result.errors ? { ...result, errors: this.#shown(result.errors) } : result
    this.#say({ id, type: MessageType.Next, payload })
  }

  /** The end of the token ends the connection. */
  #shown(errors: readonly GraphQLError[]): GraphQLFormattedError[] {
    return errors.map((error) => {
      const told = formatted(error)
      if (told.extensions?.code === 'UNAUTHENTICATED' && !error.path) {
        this.socket.close(CloseCode.Forbidden, 'Forbidden')
      }
      return told
    })
  }

  #say(message: object): void {
    if (this.socket.readyState === this.socket.OPEN) this.socket.send(JSON.stringify(message))
  }

  #stopWaiting(): void {
    clearTimeout(this.#patience ?? undefined)
    this.#patience = null
  }
}

const giveUp = (socket: WebSocket) =>
  socket.close(CloseCode.ConnectionInitialisationTimeout, 'Connection initialisation timeout')

const isShort = (reason: string) => Buffer.byteLength(reason) <= LONGEST_REASON

/** Null: it is none of the protocol. */
function messageOf(text: string): Message | null {
  try {
    return parseMessage(text)
  } catch {
    return null
  }
}

function authorizationOf(params: Params, request: IncomingMessage): string | undefined {
  const given = params?.authorization ?? params?.Authorization
  return typeof given === 'string' ? given : request.headers.authorization
}
