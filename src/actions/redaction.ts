/** Keeping secrets out of what is shown: in requests as they are recorded, and in configurations. Pure. */

export const HIDDEN = '•••'

/** Names of headers and of query parameters whose values prove who is calling. Asked of `apiKey` as of `api-key`. */
const SECRET_NAME =
  /auth|cookie|token|secret|passw|passphrase|pwd|credential|jwt|session|signature|(^|[^a-z])(keys?|pass|sig)([^a-z]|$)|(api|access|app|function|licen[cs]e|master|private|shared|subscription)key/
/** Lets most names pass at once: every call asks about all of its headers. */
const PERHAPS_SECRET = /auth|cookie|token|secret|pass|pwd|credential|jwt|session|sig|key/i
/** The one helps to see why a receiver refuses a call, the other tells calls apart; neither lets anybody in. */
const HARMLESS = new Set(['webhook-signature', 'idempotency-key'])
/** Shorter ones would be found by chance. */
const LEAST_ECHO_CHARS = 6
/** Shorter parts of a secret path are words. */
const LEAST_TOKEN_CHARS = 16

function isSecretName(name: string): boolean {
  if (!PERHAPS_SECRET.test(name)) return false
  const words = name.replace(/([a-z])([A-Z])/g, '$1-$2').toLowerCase()
  return SECRET_NAME.test(words) && !HARMLESS.has(name.toLowerCase())
}

export const redactHeaders = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, isSecretName(name) ? HIDDEN : value]))

const QUERY = /\?[^#]*/s
const PARAMETER = /([?&])([^=&]+)=([^&]*)/g

/** The values of secret query parameters are left out; the rest stays to the letter. */
export const redactUrl = (url: string): string =>
  url.replace(QUERY, (query) =>
    query.replace(PARAMETER, (all, mark: string, name: string) =>
      isSecretName(decoded(name)) ? `${mark}${name}=${HIDDEN}` : all,
    ),
  )

export function withoutUserInfo(text: string): string {
  if (!text.includes('@')) return text
  if (!URL.canParse(text)) return text.replace(/\/\/[^/]*@/, '//')
  const url = new URL(text)
  url.username = ''
  url.password = ''
  return url.href
}

/**
 * JSON of any shape without its secrets: values under names that are those of secrets, and in addresses names and
 * passwords, and secret query parameters.
 */
export function redactJson(value: unknown): unknown {
  if (typeof value === 'string') return /^[a-z]+:\/\//i.test(value) ? redactUrl(withoutUserInfo(value)) : value
  if (Array.isArray(value)) return value.map(redactJson)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  return Object.fromEntries(entries.map(([name, each]) => [name, isSecretName(name) ? HIDDEN : redactJson(each)]))
}

/** An address that is a secret as a whole: only its origin is left. */
export const originOnly = (url: string): string => (URL.canParse(url) ? `${new URL(url).origin}/${HIDDEN}` : HIDDEN)

/** What a request holds that nobody else may see. `isSecretUrl`: its address is a secret as a whole. */
export function secretsOf(url: string, headers: Record<string, string>, isSecretUrl = false): string[] {
  const ofHeaders = Object.entries(headers).flatMap(([name, value]) =>
    isSecretName(name) ? [value, ...partsOf(name, value)] : [],
  )
  const ofQuery = [...(QUERY.exec(url)?.[0] ?? '').matchAll(PARAMETER)].flatMap(([, , name = '', value = '']) =>
    isSecretName(decoded(name)) ? [value, decoded(value)] : [],
  )
  return [...new Set([...ofHeaders, ...ofQuery, ...(isSecretUrl ? pathsOf(url) : [])])]
}

/** `Bearer abc` is said back as `abc` too, and a cookie by its value. */
const partsOf = (name: string, value: string) =>
  name.toLowerCase() === 'cookie'
    ? value.split(/;\s*/).map((pair) => pair.slice(pair.indexOf('=') + 1))
    : [value.replace(/^\S+ +/, '')]

function pathsOf(url: string): string[] {
  if (!URL.canParse(url)) return []
  const { pathname, search } = new URL(url)
  // of `/services/T0/B0/token` the last part is what lets in; of `/webhooks/7/token/slack` a long one
  const parts = pathname.split('/')
  const tokens = parts.filter((part, index) => index === parts.length - 1 || part.length >= LEAST_TOKEN_CHARS)
  return [pathname + search, pathname, decoded(pathname), ...tokens]
}

const ECHO = '***'

/** An answer that says back what it was told in confidence, without that. */
export type Echoes = {
  text(text: string): string
  /** `isCut`: the end is missing, and with it perhaps the rest of a secret. */
  bytes(body: Buffer, isCut: boolean): Buffer
}

/** Secrets are found as they are, and as JSON, addresses and UTF-8 write them. */
export function echoesOf(secrets: readonly string[]): Echoes {
  const forms = new Set(secrets.filter(isLong).flatMap(formsOf))
  // the longest first, as one may begin with another
  const longestFirst = [...forms].sort((a, b) => b.length - a.length)
  return {
    text: (text) => withoutAny(text, longestFirst),
    bytes(body, isCut) {
      if (longestFirst.length === 0) return body
      const bytes = body.toString('latin1')
      const kept = withoutAny(bytes, longestFirst)
      const begun = isCut ? Math.max(0, ...longestFirst.map((form) => begunAtEnd(kept, form))) : 0
      if (begun === 0) return kept === bytes ? body : Buffer.from(kept, 'latin1')
      return Buffer.from(kept.slice(0, -begun) + ECHO, 'latin1')
    },
  }
}

const isLong = (secret: string) => secret.length >= LEAST_ECHO_CHARS

const withoutAny = (text: string, secrets: readonly string[]) =>
  secrets.reduce((text, secret) => text.replaceAll(secret, ECHO), text)

function formsOf(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1)
  // some servers escape slashes in JSON
  const forms = [secret, json, json.replaceAll('/', '\\/'), encodeURIComponent(secret.toWellFormed())]
  return [...forms, ...forms.map((form) => Buffer.from(form).toString('latin1'))]
}

/** How many of the last characters are the beginning of a secret; 0 if too few to tell. */
function begunAtEnd(text: string, secret: string): number {
  for (let count = secret.length - 1; count >= LEAST_ECHO_CHARS; count--) {
    if (text.endsWith(secret.slice(0, count))) return count
  }
  return 0
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
