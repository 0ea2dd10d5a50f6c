/** A message as it goes over the wire. */
import MailComposer from 'nodemailer/lib/mail-composer'
import type { MailMessage } from '../actions/ports.ts'
import type { Clock } from '../kernel/clock.ts'
import { envelopeAddress, type Sender } from './spec.ts'

export type Letterhead = {
  from: Sender
  /** The right side of Message-IDs: a host. */
  idHost: string
  clock: Clock
}

export type Composed = {
  /** Without angle brackets. */
  messageId: string
  content: Buffer
}

/** Nothing in a message is taken for more than it is: no text becomes a header, no name a path or an address. */
export async function compose(message: MailMessage, { from, idHost, clock }: Letterhead): Promise<Composed> {
  const { id, to, replyTo, subject, text, html, attachments } = message
  const messageId = `${id}@${idHost}`
  const composer = new MailComposer({
    from,
    to: to.map(mailbox),
    ...(replyTo !== undefined && { replyTo: mailbox(replyTo) }),
    subject: oneLine(subject),
    text: text.toWellFormed(),
    ...(html !== undefined && { html: html.toWellFormed() }),
    attachments: attachments.map(({ filename, contentType, content }) => ({
      filename: fileName(filename),
      contentType: /^(message|multipart)\//i.test(contentType) ? 'application/octet-stream' : contentType,
      contentDisposition: 'attachment',
      content,
    })),
    messageId: `<${messageId}>`,
    date: new Date(clock.now()),
    // RFC 3834, and what Exchange listens to: nobody's absence is an answer to a machine
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
    newline: 'windows',
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return { messageId, content: await composer.compile().build() }
}

function mailbox(text: string) {
  const address = envelopeAddress(text)
  if (address === null) throw new TypeError(`${JSON.stringify(text)} is no mail address`)
  return { name: '', address }
}

const oneLine = (text: string) =>
  text
    .toWellFormed()
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim()

/** What a mail program may save a file as, wherever it runs. */
const fileName = (name: string) => oneLine(name).replace(/[/\\:*?"<>|]/g, '-') || 'attachment'
