/** Real mail servers on this machine, well behaved and not, and a way to send to them. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import path from 'node:path'
import { type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { onTestFinished } from 'vitest'
import type { MailMessage } from '../../src/actions/ports.ts'
import { createEgress } from '../../src/egress/egress.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { createSmtp } from '../../src/mail/smtp.ts'
import { parseSmtpUrl } from '../../src/mail/spec.ts'

const fixture = (name: string) => readFileSync(path.join(import.meta.dirname, 'fixtures', name), 'utf8')

/** For `mail.example`, signed by itself, from the year 2000 to 2099. */
export const certificate = { cert: fixture('mail.example.crt'), key: fixture('mail.example.key') }

type Arrived = { from: string; to: string[]; secure: boolean; user: string | undefined; raw: Buffer }

/** Takes everything, in plain text, unless the options say otherwise. Ends with the test. */
export async function startMailServer(options: SMTPServerOptions = {}) {
  const arrived: Arrived[] = []
  const server = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    disabledCommands: options.key || options.secure ? [] : ['STARTTLS'],
    onData(stream, { envelope, secure, user }, callback) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const from = envelope.mailFrom ? envelope.mailFrom.address : ''
        const to = envelope.rcptTo.map(({ address }) => address)
        arrived.push({ from, to, secure, user, raw: Buffer.concat(chunks) })
        callback(null)
      })
    },
    ...options,
  })
  // a client that goes away in the middle
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  onTestFinished(() => new Promise<void>((resolve) => server.close(resolve)))
  return {
    port: (server.server.address() as AddressInfo).port,
    arrived,
    async received(): Promise<ParsedMail> {
      const [only] = arrived
      if (!only || arrived.length !== 1) throw new Error(`${arrived.length} messages arrived`)
      return simpleParser(only.raw)
    },
  }
}

/** Refuses these recipients with these codes. */
export const refusing = (codes: Record<string, number>): SMTPServerOptions => ({
  onRcptTo({ address }, _session, callback) {
    const responseCode = codes[address]
    if (responseCode === undefined) return callback()
    callback(Object.assign(new Error(`not ${address}`), { responseCode }))
  },
})

/** What a server says at a stage; `close` hangs up, `reset` without a goodbye, and null says nothing. */
export type Script = Partial<Record<'greeting' | 'EHLO' | 'MAIL' | 'RCPT' | 'DATA' | '.' | 'QUIT' | 'STARTTLS', Reply>>
type Reply = string | null

const OBEDIENT: Record<string, Reply> = {
  greeting: '220 ready',
  EHLO: '250 fine',
  MAIL: '250 fine',
  RCPT: '250 fine',
  DATA: '354 go on',
  '.': '250 taken',
  QUIT: '221 bye',
}

/** A server that keeps to a script. Ends with the test. */
export async function startScripted(script: Script) {
  const replies: Record<string, Reply | undefined> = { ...OBEDIENT, ...script }
  const sockets = new Set<net.Socket>()
  const heard: string[] = []
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    const say = (reply: Reply | undefined) => {
      if (reply === 'close') socket.end()
      else if (reply === 'reset') socket.resetAndDestroy()
      else if (typeof reply === 'string') socket.write(`${reply}\r\n`)
    }
    say(replies.greeting)
    let inData = false
    let rest = ''
    socket.on('data', (chunk) => {
      const lines = (rest + chunk.toString('latin1')).split('\r\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (inData && line !== '.') continue
        const verb = line === '.' ? '.' : (line.split(' ')[0] ?? '').toUpperCase()
        heard.push(verb)
        if (verb === 'DATA' && replies.DATA?.startsWith('354')) inData = true
        if (verb === '.') inData = false
        say(verb in replies ? replies[verb] : '500 what?')
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, heard, sockets }
}

export const message = (part: Partial<MailMessage> = {}): MailMessage => ({
  id: '0190a3b4000070008000000000000001.0',
  to: ['ann@example.org'],
  subject: 'Tides',
  text: 'High water at noon.',
  attachments: [],
  ...part,
})

export type Sending = {
  /** Of SMTP_URL; `mail.example` is this machine. */
  url: string
  timeoutMs?: number
  signal?: AbortSignal
  /** Whether the test's certificate is trusted. */
  trust?: boolean
  allowCidrs?: string[]
}

/** Ends with the test. */
export function openSmtp({ url, timeoutMs = 10_000, trust = false, allowCidrs = ['127.0.0.0/8'] }: Sending) {
  const egress = createEgress({ allowCidrs, httpsOnly: true, lookup: async () => ['127.0.0.1'] })
  onTestFinished(() => egress.close())
  return createSmtp({
    server: parseSmtpUrl(url),
    from: { name: 'Runsheet', address: 'runsheet@example.org' },
    idHost: 'runsheet.example',
    clock: systemClock,
    egress,
    timeoutMs,
    ...(trust && { ca: certificate.cert }),
  })
}

export const send = ({ signal = new AbortController().signal, ...sending }: Sending, part: Partial<MailMessage> = {}) =>
  openSmtp(sending).send(message(part), signal)
