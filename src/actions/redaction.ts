/** Keeping secrets out of what is shown: in requests as they are recorded, and in configurations. Pure. */

export const HIDDEN = '•••'

/** Names of headers and of query parameters whose values prove who is calling. */
const SECRET_NAME = /auth|cookie|token|secret|passw|pwd|credential|signature|(^|[-_])(key|sig)$|apikey/i
/** Proves something of the one call only, and helps to see why a receiver refuses it. */
const HARMLESS = new Set(['webhook-signature'])
/** Shorter ones would be found by chance. */
const LEAST_ECHO_CHARS = 6

export const isSecretName = (name: string): boolean => SECRET_NAME.test(name) && !HARMLESS.has(name.toLowerCase())

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

/** An address that is a secret as a whole: only its origin is left. */
export const originOnly = (url: string): string => (URL.canParse(url) ? `${new URL(url).origin}/${HIDDEN}` : HIDDEN)

/** What a request holds that nobody else may see, as it may come back in an answer. */
export function secretsOf(url: string, headers: Record<string, string>): string[] {
  const values = Object.entries(headers).flatMap(([name, value]) =>
    isSecretName(name) ? [value, value.replace(/^\S+ +/, '')] : [],
  )
  for (const [, , name = '', value = ''] of (QUERY.exec(url)?.[0] ?? '').matchAll(PARAMETER)) {
    if (isSecretName(decoded(name))) values.push(value, decoded(value))
  }
  return [...new Set(values)].filter((value) => value.length >= LEAST_ECHO_CHARS)
}

/** An answer that says back what it was told in confidence. */
export function withoutEchoes(body: Buffer, secrets: readonly string[]): Buffer {
  const echoes = secrets.filter((secret) => body.includes(secret, 0, 'latin1'))
  if (echoes.length === 0) return body
  const text = echoes.reduce((text, secret) => text.replaceAll(secret, '***'), body.toString('latin1'))
  return Buffer.from(text, 'latin1')
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
