/**
 * Mail by way of a mail server: one guarded connection for each message. STARTTLS wherever it is offered, and a server
 * is who its certificate says.
 */
import type { Socket } from 'node:net'
import type { NodemailerError } from 'nodemailer/lib/errors'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import { MailError, type MailPort } from '../actions/ports.ts'
import type { Egress } from '../egress/egress.ts'
import { compose, type Letterhead } from './compose.ts'
import { mailErrorOf, oneLine, refusalOf } from './failure.ts'
import { envelopeAddress, type SmtpServer } from './spec.ts'

/** Bytes of one reply; real ones have a few hundred. */
const MAX_REPLY_BYTES = 64 * 1024

export type SmtpDeps = Letterhead & {
  server: SmtpServer
  egress: Egress
  /** Milliseconds that the server may take to be reached and greet, and that it may stay silent for afterwards. */
  timeoutMs: number
  /** Certificates to trust in the place of Node's, PEM. */
  ca?: string
}

export function createSmtp(deps: SmtpDeps): MailPort {
  const { server, egress, timeoutMs } = deps

  async function handOver(envelope: Envelope, content: Buffer, signal: AbortSignal): Promise<Sent> {
    const socket = await egress.connect(server.host, server.port, { signal, timeoutMs })
    const connection = open(deps, socket)
    const { step, release } = stepsOf(connection, socket, signal)
    try {
      await step((done) => connection.connect((error) => done(error ?? null)))
      if (server.auth) await step((done) => login(connection, server.auth ?? {}, done))
      const sent = await step<Sent>((done) => connection.send({ ...envelope, size: content.length }, content, done))
      // what it answers is of no interest: the message is its own now
      connection.quit()
      return sent
    } catch (error) {
      connection.close()
      socket.destroy()
      throw error
    } finally {
      release()
    }
  }

  return {
    async send(message, signal) {
      const { messageId, content } = await compose(message, deps)
      const outcome = { messageId, bytes: content.length, receipts: [] }
      const spelling = new Map(message.to.map((address) => [envelopeAddress(address) ?? address, address]))
      try {
        const envelope = { from: deps.from.address, to: [...spelling.keys()] }
        const { response, rejectedErrors = [] } = await handOver(envelope, content, signal)
        const refused = new Map(rejectedErrors.flatMap((each) => refusalOf(each, spelling)).map((r) => [r.address, r]))
        const accepted = { accepted: true, code: statusOf(response), response: oneLine(response) }
        return { ...outcome, receipts: message.to.map((address) => refused.get(address) ?? { address, ...accepted }) }
      } catch (error) {
        throw mailErrorOf(error, { signal, outcome, spelling })
      }
    },
  }
}

const statusOf = (response: string) => Number.parseInt(response, 10) || null

type Envelope = { from: string; to: string[] }
type Done<Result> = (error: Error | null, result?: Result) => void
type Sent = { rejectedErrors?: NodemailerError[] | undefined; response: string }

function open({ server, timeoutMs, ca }: SmtpDeps, socket: Socket): SMTPConnection {
  return new SMTPConnection({
    connection: socket,
    host: server.host,
    port: server.port,
    secure: server.secure,
    requireTLS: server.requireTls,
    ignoreTLS: server.ignoreTls,
    ...(server.name !== null && { name: server.name }),
    ...(ca !== undefined && { tls: { ca } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    socketCloseTimeout: 0,
    maxResponseSize: MAX_REPLY_BYTES,
    logger: false,
  })
}

function login(connection: SMTPConnection, auth: { user?: string; pass?: string }, done: Done<unknown>): void {
  if (connection.allowsAuth) connection.login(auth, done)
  else done(new MailError('SMTP_AUTH', 'the mail server takes no login, though SMTP_URL has one', { transient: false }))
}

/** Nodemailer's callbacks as promises, which also end when the connection does, or at the signal. */
function stepsOf(connection: SMTPConnection, socket: Socket, signal: AbortSignal) {
  let end: (reason: unknown) => void = () => {}
  const ended = new Promise<never>((_, reject) => {
    end = reject
  })
  ended.catch(() => {})
  const abort = () => {
    end(signal.reason)
    socket.destroy()
  }
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  // stay until the end: a connection may break while it says goodbye
  connection.on('error', (error) => end(error))
  connection.on('end', () => end(Object.assign(new Error('the connection ended'), { code: 'ECONNECTION' })))
  return {
    step: <Result>(start: (done: Done<Result>) => void): Promise<Result> =>
      Promise.race([
        ended,
        new Promise<Result>((resolve, reject) =>
          start((error, result) => (error ? reject(error) : resolve(result as Result))),
        ),
      ]),
    release: () => signal.removeEventListener('abort', abort),
  }
}
