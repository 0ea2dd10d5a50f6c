/** What went wrong between us and the mail server, in the words of the port. It names no host: authors of jobs read it. */
import type { NodemailerError } from 'nodemailer/lib/errors'
import { tlsCode } from '../actions/http-call.ts'
import { MailError, type MailOutcome, type MailReceipt } from '../actions/ports.ts'
import { EgressError, UnresolvedError } from '../egress/egress.ts'
import { ConnectTimeoutError } from '../egress/tcp.ts'

const MAX_WORDS_CHARS = 300

type SmtpCode = 'SMTP_TIMEOUT' | 'SMTP_CONNECTION' | 'SMTP_TLS' | 'SMTP_AUTH' | 'SMTP_REFUSED'

const sentences: Record<SmtpCode, string> = {
  SMTP_TIMEOUT: 'the mail server did not answer in time',
  SMTP_CONNECTION: 'the mail server was not reached, or the connection broke',
  SMTP_TLS: 'there is no secure connection with the mail server',
  SMTP_AUTH: 'the mail server refused the login',
  SMTP_REFUSED: 'the mail server refused the message',
}

/** Without a reply of the server: what a second attempt does not change. */
const LASTING = new Set<SmtpCode>(['SMTP_AUTH', 'SMTP_REFUSED'])

/** The signal's reason, as the end of a mail. */
export function endedBy({ reason }: AbortSignal, outcome: MailOutcome | null = null): MailError {
  return reason instanceof Error && reason.name === 'TimeoutError'
    ? new MailError('SMTP_TIMEOUT', 'the mail was not handed over in time', { transient: true, outcome })
    : new MailError('ABORTED', 'the mail was aborted', { transient: false, outcome })
}

/** From the addresses that a server takes to those that were given. */
type Spelling = ReadonlyMap<string, string>

/** `outcome`: of a message that none of its recipients gets. What is no doing of the network or the server is thrown again. */
export function mailErrorOf(
  error: unknown,
  { signal, outcome, spelling }: { signal: AbortSignal; outcome: MailOutcome; spelling: Spelling },
): MailError {
  if (signal.aborted) return endedBy(signal, outcome)
  if (error instanceof MailError) return new MailError(error.code, error.message, { ...error, outcome })
  if (error instanceof EgressError) {
    const message = 'the mail server is at an address that may not be reached; EGRESS_ALLOW_CIDRS opens private ranges'
    return new MailError('EGRESS_REFUSED', message, { transient: false, outcome })
  }
  if (!(error instanceof Error)) throw error
  const failed: NodemailerError = error
  const code = codeOf(failed)
  if (code === null) throw error
  const status = failed.responseCode ?? null
  const receipts = (failed.rejectedErrors ?? []).flatMap((each) => refusalOf(each, spelling))
  const statuses = receipts.length > 0 ? receipts.map((receipt) => receipt.code) : [status]
  const detail = failed.response ? `: ${oneLine(failed.response)}` : nameOf(failed)
  return new MailError(code, sentences[code] + detail, {
    transient: statuses.every((each) => (each === null ? !LASTING.has(code) : each < 500)),
    status,
    outcome: { ...outcome, receipts },
  })
}

/** A recipient that the server would not take. */
export function refusalOf({ recipient, responseCode, response }: NodemailerError, spelling: Spelling): MailReceipt[] {
  const address = spelling.get(recipient ?? '')
  if (address === undefined) return []
  return [{ address, accepted: false, code: responseCode ?? null, response: oneLine(response ?? '') }]
}

/** Replies of several lines come with their line breaks. */
export const oneLine = (words: string) =>
  words
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, MAX_WORDS_CHARS)

function codeOf(error: NodemailerError): SmtpCode | null {
  if (error instanceof UnresolvedError) return 'SMTP_CONNECTION'
  if (error instanceof ConnectTimeoutError) return 'SMTP_TIMEOUT'
  switch (error.code) {
    case 'ETIMEDOUT':
      return 'SMTP_TIMEOUT'
    case 'EAUTH':
      return 'SMTP_AUTH'
    case 'ETLS':
      return 'SMTP_TLS'
    case 'EENVELOPE':
    case 'EMESSAGE':
      return 'SMTP_REFUSED'
    case 'EPROTOCOL':
    case 'ECONNECTION':
      return (error.responseCode ?? 0) >= 400 ? 'SMTP_REFUSED' : 'SMTP_CONNECTION'
    case 'ESOCKET':
      return tlsCode.test(error.originalCode ?? '') ? 'SMTP_TLS' : 'SMTP_CONNECTION'
    default:
      // the operating system's, such as ECONNREFUSED
      return /^E[A-Z]+$/.test(error.code ?? '') ? 'SMTP_CONNECTION' : null
  }
}

/** The reason by its name only: the text of a socket's error has addresses in it. */
function nameOf({ code, originalCode }: NodemailerError): string {
  const name = originalCode ?? (code === 'ECONNECTION' || code === 'ETIMEDOUT' ? undefined : code)
  return name ? ` (${name})` : ''
}
