/** Where this installation's mail goes. */

import type { MailPort } from '../actions/ports.ts'
import type { Egress } from '../egress/egress.ts'
import type { Clock } from '../kernel/clock.ts'
import { createOutbox } from './outbox.ts'
import { createSmtp } from './smtp.ts'
import type { Sender, SmtpServer } from './spec.ts'

/** By way of the mail server; without one into the folder. `publicUrl`: whose host Message-IDs end in, else the sender's. */
export function openMail(options: {
  server: SmtpServer | undefined
  from: Sender
  publicUrl: string | undefined
  timeoutSeconds: number
  outbox: string
  egress: Egress
  clock: Clock
}): MailPort {
  const { server, from, publicUrl, timeoutSeconds, outbox, egress, clock } = options
  const idHost = publicUrl ? new URL(publicUrl).hostname : from.address.slice(from.address.lastIndexOf('@') + 1)
  const letterhead = { from, idHost, clock }
  if (!server) return createOutbox({ ...letterhead, folder: outbox })
  return createSmtp({ ...letterhead, server, egress, timeoutMs: timeoutSeconds * 1000 })
}
