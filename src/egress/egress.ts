/**
 * The guard that every outgoing call goes through. A target is reached only if every address its name resolves to is
 * public or in an allowed range. A name is resolved once per connection, and the connection goes to one of the addresses
 * that were checked, so that a resolver that changes its mind (DNS rebinding) gains nothing. Ports of other protocols are
 * reached in allowed ranges only. No redirect is followed, and no proxy of the environment is used.
 */
import { lookup as systemLookup } from 'node:dns/promises'
import net from 'node:net'
import { Agent, buildConnector, type Dispatcher, errors } from 'undici'
import { BLOCKED_PORTS } from './blocked-ports.ts'
import { canonicalHost, createReach } from './reach.ts'
import { ADDRESS_ATTEMPT_MS, openSocket } from './tcp.ts'

export type EgressErrorCode =
  | 'INVALID_URL'
  | 'INVALID_HOST'
  | 'UNSUPPORTED_SCHEME'
  | 'CREDENTIALS_IN_URL'
  | 'HTTPS_ONLY'
  | 'ADDRESS_REFUSED'
  | 'PORT_REFUSED'

/** The target may not be called. The message can be shown to whoever gave the URL: it names no resolved address. */
export class EgressError extends Error {
  override readonly name = 'EgressError'
  readonly code: EgressErrorCode

  constructor(code: EgressErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** The target's name has no address, or the resolver did not answer. */
export class UnresolvedError extends Error {
  override readonly name = 'UnresolvedError'
}

export type EgressOptions = {
  /** Ranges that may be reached although they are not public: `127.0.0.0/8`. */
  allowCidrs: readonly string[]
  httpsOnly: boolean
  /** Milliseconds for resolving, connecting and the TLS handshake together; kept to about half a second. */
  connectTimeoutMs?: number
  /** All addresses of a name. Default: the operating system's resolver, with its hosts file. */
  lookup?: (hostname: string) => Promise<string[]>
  /** Targets (scheme, host, port) that keep connections at one time. */
  maxOrigins?: number
}

export type EgressRequest = {
  method: string
  headers: Record<string, string>
  body: Buffer | null
  signal: AbortSignal
}

export type Egress = {
  /**
   * The parsed URL, if it may be called as far as can be told without DNS.
   * @throws EgressError
   */
  check(url: string): URL
  /** Whether a host of a URL is an address, or localhost, in a range that the operator allows. */
  isAllowedHost(hostname: string): boolean
  /**
   * Rejects with an EgressError, an UnresolvedError, undici's and the socket's errors, or the signal's reason. An abort
   * before the connection stands is noticed only when it does; nothing is sent then.
   */
  request(url: string, options: EgressRequest): Promise<Dispatcher.ResponseData>
  /**
   * A TCP connection for what is not HTTP, guarded in the same way; `httpsOnly` does not concern it. `timeoutMs` is for
   * resolving and connecting together. Rejects with an EgressError, an UnresolvedError, a ConnectTimeoutError, the
   * socket's errors, or the signal's reason. What stands is the caller's to end.
   */
  connect(host: string, port: number, options: { signal: AbortSignal; timeoutMs?: number }): Promise<net.Socket>
  /** Ends all connections at once. */
  close(): Promise<void>
}

const CONNECT_TIMEOUT_MS = 10_000
const CONNECTIONS_PER_ORIGIN = 128
const MAX_ORIGINS = 1024
/** Short: a receiver that closes an idle connection just when it is used again makes a call fail for nothing. */
const KEEP_ALIVE_MS = 1000

export function createEgress(options: EgressOptions): Egress {
  const { httpsOnly, lookup = resolveBySystem, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options
  const { isAllowed, mayReach, known, refuses } = createReach(options.allowCidrs)
  const sockets = new Set<net.Socket>()

  async function addressesOf(hostname: string, mayReach: (address: string) => boolean): Promise<string[]> {
    const written = known(hostname)
    if (written) return written.filter(mayReach)
    const addresses = await lookup(hostname).catch((error: unknown) => {
      throw new UnresolvedError(`${hostname} could not be resolved (${codeOf(error)})`, { cause: error })
    })
    if (addresses.length === 0) throw new UnresolvedError(`${hostname} has no address`)
    return addresses.every(mayReach) ? addresses : []
  }

  const lookupWithin =
    (mayReach: (address: string) => boolean, refusal: (hostname: string) => EgressError): net.LookupFunction =>
    (hostname, { all }, callback) => {
      addressesOf(hostname, mayReach).then(
        (addresses) => {
          const found = addresses.map((address) => ({ address, family: net.isIP(address) }))
          const [first] = found
          if (!first) callback(refusal(hostname), [])
          else if (all) callback(null, found)
          else callback(null, first.address, first.family)
        },
        (error) => callback(error, []),
      )
    }

  // net never asks `lookup` about an address that is written out: `check` has looked at those
  const connector = (lookup: net.LookupFunction) =>
    buildConnector({
      lookup,
      timeout: connectTimeoutMs,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: ADDRESS_ATTEMPT_MS,
    })
  const usualLookup = lookupWithin(mayReach, refusal)
  const toUsual = connector(usualLookup)
  const toBlocked = connector(lookupWithin(isAllowed, portRefusal))
  const connect: buildConnector.connector = (options, callback) =>
    (isBlocked(options.port) ? toBlocked : toUsual)(options, callback)
  // no time limits here: the signal of each call is the limit
  const shared = { connect, connections: CONNECTIONS_PER_ORIGIN, headersTimeout: 0, bodyTimeout: 0 }
  const pooled = new Agent({
    ...shared,
    maxOrigins: options.maxOrigins ?? MAX_ORIGINS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
  })
  const unpooled = new Agent(shared)

  function check(text: string): URL {
    if (!URL.canParse(text)) throw new EgressError('INVALID_URL', 'must be an absolute URL')
    const url = new URL(text)
    if (url.protocol !== 'https:' && url.protocol !== 'http:') {
      throw new EgressError('UNSUPPORTED_SCHEME', 'must be an http or https URL')
    }
    if (url.username || url.password) {
      throw new EgressError('CREDENTIALS_IN_URL', 'must not contain a user name or password; send a header instead')
    }
    if (httpsOnly && url.protocol !== 'https:') throw new EgressError('HTTPS_ONLY', 'must be an https URL')
    const host = url.hostname.replace(/^\[|\]$/g, '')
    if (refuses(host)) throw refusal(host)
    const isOpen = known(host)?.some(isAllowed) ?? options.allowCidrs.length > 0
    if (isBlocked(url.port) && !isOpen) throw portRefusal()
    return url
  }

  return {
    check,

    isAllowedHost: (hostname) => known(hostname.replace(/^\[|\]$/g, ''))?.some(isAllowed) ?? false,

    async request(text, request) {
      const url = check(text)
      const call = { ...request, origin: url.origin, path: url.pathname + url.search }
      try {
        return await pooled.request(call)
      } catch (error) {
        if (!(error instanceof errors.MaxOriginsReachedError)) throw error
        return unpooled.request({ ...call, reset: true })
      }
    },

    async connect(text, port, { signal, timeoutMs = connectTimeoutMs }) {
      const host = canonicalHost(text)
      if (host === null) throw new EgressError('INVALID_HOST', 'must be the name or the address of a host')
      // as above: an address that is written out is not looked up
      if (refuses(host)) throw refusal(host)
      const socket = await openSocket({ host, port, lookup: usualLookup, timeoutMs, signal })
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      return socket
    },

    async close() {
      for (const socket of sockets) socket.destroy()
      await Promise.all([pooled.destroy(), unpooled.destroy()])
    },
  }
}

const isBlocked = (port: string) => BLOCKED_PORTS.has(Number(port))

const portRefusal = () => new EgressError('PORT_REFUSED', 'has a port of another protocol than HTTP')

const refusal = (host: string) => new EgressError('ADDRESS_REFUSED', `${host} is not at a public address`)

async function resolveBySystem(hostname: string): Promise<string[]> {
  const found = await systemLookup(hostname, { all: true, order: 'verbatim' })
  return found.map(({ address }) => address)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}
