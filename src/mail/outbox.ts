/** Mail without a mail server: each message is a file, for people who want to see what would have been sent. */
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { MailError, type MailPort } from '../actions/ports.ts'
import { compose, type Letterhead } from './compose.ts'
import { endedBy } from './failure.ts'

/**
 * Files are named by the time and the message's id, `2026-03-01T12-00-00.000Z-<id>.eml`, and only their owner may read
 * them. A message that is sent again takes the place of its file.
 */
export function createOutbox({ folder, ...letterhead }: Letterhead & { folder: string }): MailPort {
  return {
    async send(message, signal) {
      const { messageId, content } = await compose(message, letterhead)
      const outcome = { messageId, bytes: content.length, receipts: [] }
      if (signal.aborted) throw endedBy(signal, outcome)
      try {
        await put(folder, messageId, letterhead.clock.now(), content)
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        throw new MailError('OUTBOX', `the outbox could not be written (${code})`, { transient: true, outcome })
      }
      const receipt = { accepted: true, code: null, response: 'written to the outbox' }
      return { ...outcome, receipts: message.to.map((address) => ({ address, ...receipt })) }
    },
  }
}

async function put(folder: string, messageId: string, now: number, content: Buffer): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const ending = `-${messageId.replace(/[^\w.@-]/g, '_')}.eml`
  const earlier = (await readdir(folder)).find((name) => name.endsWith(ending) && !name.startsWith('.'))
  const name = earlier ?? `${new Date(now).toISOString().replaceAll(':', '-')}${ending}`
  const half = path.join(folder, `.${randomUUID()}.tmp`)
  try {
    await writeFile(half, content, { mode: 0o600, flag: 'wx' })
    await rename(half, path.join(folder, name))
  } catch (error) {
    await rm(half, { force: true })
    throw error
  }
}
