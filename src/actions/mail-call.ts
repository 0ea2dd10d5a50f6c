/** One mail handed over, as far as each recipient is concerned; and what its outcome means for the run. */
import type { Delivery, Failure } from './driver.ts'
import { MailError, type MailMessage, type MailOutcome, type MailPort, type MailReceipt } from './ports.ts'

export type MailCall = {
  deliveries: Delivery[]
  /** With receipts of all recipients; or why none of them gets it. */
  result: { ok: true; outcome: MailOutcome } | { ok: false; failure: Failure }
}

/** Whatever the mail server does is in the answer, also an abort. */
export async function callMail(mail: MailPort, message: MailMessage, signal: AbortSignal): Promise<MailCall> {
  const startedAt = new Date()
  const started = performance.now()
  const deliver = (outcome: MailOutcome | null, receiptOf: (address: string) => Answer): Delivery[] =>
    message.to.map((address) => ({
      method: 'SMTP',
      url: `mailto:${address}`,
      requestBytes: outcome?.bytes ?? 0,
      requestHeaders: { subject: message.subject, ...(outcome && { 'message-id': `<${outcome.messageId}>` }) },
      responseHeaders: {},
      truncated: false,
      startedAt,
      durationMs: Math.round(performance.now() - started),
      ...receiptOf(address),
    }))
  try {
    const outcome = await mail.send(message, signal)
    return { deliveries: deliver(outcome, (address) => answered(outcome, address)), result: { ok: true, outcome } }
  } catch (error) {
    if (!(error instanceof MailError)) throw error
    const { code, message: text, status, transient, outcome } = error
    const unanswered = { status, responseBody: Buffer.alloc(0), error: { code, message: text } }
    const receiptOf = (address: string) => (receiptIn(outcome, address) ? answered(outcome, address) : unanswered)
    return {
      deliveries: deliver(outcome, receiptOf),
      result: { ok: false, failure: { code, message: text, transient } },
    }
  }
}

type Answer = Pick<Delivery, 'status' | 'responseBody' | 'error'>

const receiptIn = (outcome: MailOutcome | null, address: string): MailReceipt | undefined =>
  outcome?.receipts.find((receipt) => receipt.address === address)

function answered(outcome: MailOutcome | null, address: string): Answer {
  const { code = null, response = '' } = receiptIn(outcome, address) ?? {}
  return { status: code, responseBody: Buffer.from(response), error: null }
}
