/**
 * The guard that every outgoing call goes through. A target is reached only if every address its name resolves to is
 * public or in an allowed range. A name is resolved once per connection, and the connection goes to one of the addresses
 * that were checked, so that a resolver that changes its mind (DNS rebinding) gains nothing. Ports of other protocols are
 * reached in allowed ranges only. No redirect is followed, and no proxy of the environment is used.
 */
import { lookup as systemLookup } from 'node:dns/promises'
import net from 'node:net'
import ipaddr from 'ipaddr.js'
import { Agent, buildConnector, type Dispatcher, errors } from 'undici'
import { BLOCKED_PORTS } from './blocked-ports.ts'

export type EgressErrorCode =
  | 'INVALID_URL'
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
  /**
   * Rejects with an EgressError, an UnresolvedError, undici's and the socket's errors, or the signal's reason. An abort
   * before the connection stands is noticed only when it does; nothing is sent then.
   */
  request(url: string, options: EgressRequest): Promise<Dispatcher.ResponseData>
  /** Ends all connections at once. */
  close(): Promise<void>
}

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Range = [Address, number]

const CONNECT_TIMEOUT_MS = 10_000
const CONNECTIONS_PER_ORIGIN = 128
const MAX_ORIGINS = 1024
/** Short: a receiver that closes an idle connection just when it is used again makes a call fail for nothing. */
const KEEP_ALIVE_MS = 1000
/** Node's 250 ms for one of several addresses gives up on receivers at the other end of the world. */
const ADDRESS_ATTEMPT_MS = 1000

const globalUnicast = ipaddr.parseCIDR('2000::/3')
const nat64 = ipaddr.parseCIDR('64:ff9b::/96')
/** Azure answers with a machine's metadata and certificates here, in a range that is public everywhere else. */
const azurePlatform = ipaddr.parseCIDR('168.63.129.16/32')
const loopback = ['127.0.0.1', '::1']

/**
 * Whether an address is plain public unicast. An IPv4 address inside an IPv6 one (mapped, NAT64) counts as itself; the
 * other tunnels (6to4, Teredo, IPv4-compatible, local NAT64) are never public.
 */
export function isPublicAddress(address: string): boolean {
  const parsed = parse(address)
  return parsed !== null && isPublic(parsed)
}

/** An address, as IPv4 if it is mapped; null if it is none. */
function parse(address: string): Address | null {
  if (net.isIP(address) === 0) return null
  // ipaddr.js takes `::1.2.3.4`, as resolvers write IPv4-compatible addresses, for a mapped one
  return ipaddr.process(address.replace(/^::(?=\d+\.)/, '0:0:0:0:0:0:'))
}

export function createEgress(options: EgressOptions): Egress {
  const { httpsOnly, lookup = resolveBySystem, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options
  const allowed = options.allowCidrs.map((range) => ipaddr.parseCIDR(range))

  function isAllowed(address: string): boolean {
    const parsed = parse(address)
    return parsed !== null && allowed.some((range) => isWithin(parsed, range))
  }

  const mayReach = (address: string) => isAllowed(address) || isPublicAddress(address)

  async function addressesOf(hostname: string, mayReach: (address: string) => boolean): Promise<string[]> {
    if (isLocalhost(hostname)) return loopback.filter(mayReach)
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
  const toUsual = connector(lookupWithin(mayReach, refusal))
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
    const known = isLocalhost(host) ? loopback : net.isIP(host) ? [host] : null
    if (known && !known.some(mayReach)) throw refusal(host)
    if (isBlocked(url.port) && !(known ? known.some(isAllowed) : allowed.length > 0)) throw portRefusal()
    return url
  }

  return {
    check,

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

    async close() {
      await Promise.all([pooled.destroy(), unpooled.destroy()])
    },
  }
}

function isPublic(address: Address): boolean {
  if (address instanceof ipaddr.IPv4) return address.range() === 'unicast' && !isWithin(address, azurePlatform)
  if (isWithin(address, nat64)) return isPublic(new ipaddr.IPv4(address.toByteArray().slice(12)))
  return isWithin(address, globalUnicast) && address.range() === 'unicast'
}

const isWithin = (address: Address, range: Range) => address.kind() === range[0].kind() && address.match(range)

/** RFC 6761: these names mean this machine, whatever a resolver says. Node does not resolve `*.localhost`. */
const isLocalhost = (hostname: string) => /(^|\.)localhost\.?$/i.test(hostname)

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
