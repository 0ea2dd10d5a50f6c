/** Addresses, and where mail goes. Pure. */
import { domainToASCII } from 'node:url'

/** RFC 5321, 4.5.3.1; of the whole 254, so that it fits between the angle brackets of a path. */
const MAX_LOCAL_CHARS = 64
const MAX_ADDRESS_CHARS = 254
const MAX_NAME_CHARS = 200
const LOCAL = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
const DOMAIN = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i
const NOT_IN_A_NAME = /[\p{Cc}\u2028\u2029<>]/u

export type Sender = { name: string; address: string }

export type SmtpServer = {
  /** A name, or an address without brackets. */
  host: string
  port: number
  /** TLS from the first byte (smtps); else STARTTLS where the server offers it. */
  secure: boolean
  /** Without TLS nothing is sent. */
  requireTls: boolean
  /** Not even where the server offers it. */
  ignoreTls: boolean
  auth: { user: string; pass: string } | null
  /** What the server is greeted with; null: the machine's name. */
  name: string | null
}

/** What was given is none; the message can be shown, and tells no password. */
export class MailSettingError extends Error {
  override readonly name = 'MailSettingError'
}

/** The address as a server takes it, its domain in Punycode; null if it is none. Domains may be of one part: `ann@mailhost`. */
export function envelopeAddress(text: string): string | null {
  const at = text.lastIndexOf('@')
  const local = text.slice(0, at)
  const domain = domainToASCII(text.slice(at + 1))
  if (at < 0 || !LOCAL.test(local) || local.length > MAX_LOCAL_CHARS || !DOMAIN.test(domain)) return null
  const address = `${local}@${domain}`
  return address.length <= MAX_ADDRESS_CHARS ? address : null
}

export const isMailAddress = (text: string): boolean => envelopeAddress(text) !== null

/**
 * `ann@example.org` or `Ann <ann@example.org>`.
 * @throws MailSettingError
 */
export function parseSender(text: string): Sender {
  const [, quoted, bare] = /^\s*(.*?)\s*<([^<>]*)>\s*$/.exec(text) ?? [undefined, '', text.trim()]
  const name = (quoted ?? '').replace(/^"(.*)"$/, '$1').replace(/\\(.)/g, '$1')
  const address = envelopeAddress(bare ?? '')
  if (address === null || NOT_IN_A_NAME.test(name) || name.length > MAX_NAME_CHARS) {
    throw new MailSettingError('must be an address such as Runsheet <runsheet@example.org>')
  }
  return { name, address }
}

const OPTIONS = ['requireTLS', 'ignoreTLS', 'name']

/**
 * `smtp://user:password@mail.example.org:587?requireTLS=true`. A password goes over no connection without TLS unless it
 * is to this machine or `requireTLS=false` says so.
 * @throws MailSettingError
 */
export function parseSmtpUrl(text: string): SmtpServer {
  const isSecure = /^smtps:/i.test(text)
  // as if it were HTTP: only then an address is brought into its one form
  const plain = text.replace(/^smtps?:\/\//i, 'http://')
  if (plain === text || text.includes('\\') || !URL.canParse(plain) || !URL.canParse(text) || !new URL(text).hostname) {
    throw new MailSettingError('must be a URL such as smtp://user:password@mail.example.org:587')
  }
  const url = new URL(plain)
  if (url.pathname !== '/' || url.hash) throw new MailSettingError('must have no path')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const auth = authOf(url)
  const options = optionsOf(url.searchParams)
  const isLocal = /^(localhost|127\..*|::1)$/.test(host)
  return {
    host,
    // of the text itself: the form for HTTP leaves out 80
    port: Number(new URL(text).port) || (isSecure ? 465 : 587),
    secure: isSecure,
    requireTls: options.requireTLS ?? (auth !== null && !isLocal && !options.ignoreTLS),
    ignoreTls: options.ignoreTLS ?? false,
    auth,
    name: options.name,
  }
}

function authOf({ username, password }: URL): SmtpServer['auth'] {
  if (!username && !password) return null
  if (!username || !password) throw new MailSettingError('must have a user with a password, or neither')
  try {
    return { user: decodeURIComponent(username), pass: decodeURIComponent(password) }
  } catch {
    throw new MailSettingError('must have percent signs in user and password as %25')
  }
}

function optionsOf(given: URLSearchParams) {
  for (const name of given.keys()) {
    if (!OPTIONS.includes(name)) throw new MailSettingError(`must have no options other than ${OPTIONS.join(', ')}`)
  }
  const [requireTLS, ignoreTLS] = [flagOf(given, 'requireTLS'), flagOf(given, 'ignoreTLS')]
  if (requireTLS && ignoreTLS) throw new MailSettingError('must not both require and ignore TLS')
  const name = given.get('name')
  if (name !== null && !DOMAIN.test(name)) throw new MailSettingError('must have a host name as its option name')
  return { requireTLS, ignoreTLS, name }
}

function flagOf(given: URLSearchParams, name: string): boolean | undefined {
  const value = given.get(name)
  if (value === null) return undefined
  if (value !== 'true' && value !== 'false') throw new MailSettingError(`must have true or false as its option ${name}`)
  return value === 'true'
}
