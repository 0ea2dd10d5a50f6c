/** Which addresses may be reached from here: those that are public, and those in ranges that the operator allows. */
import net from 'node:net'
import ipaddr from 'ipaddr.js'

export type Reach = {
  /** Whether an address is in a range that the operator allows. */
  isAllowed(address: string): boolean
  mayReach(address: string): boolean
  /** The addresses of a host that needs no resolver, whether they may be reached or not; null: it is a name. */
  known(host: string): readonly string[] | null
  /** Whether it is known without a resolver that a host may not be reached. */
  refuses(host: string): boolean
}

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Range = [Address, number]

const globalUnicast = ipaddr.parseCIDR('2000::/3')
const nat64 = ipaddr.parseCIDR('64:ff9b::/96')
/** Azure answers with a machine's metadata and certificates here, in a range that is public everywhere else. */
const azurePlatform = ipaddr.parseCIDR('168.63.129.16/32')
const loopback = ['127.0.0.1', '::1']

/** `allowCidrs`: ranges that may be reached although they are not public: `127.0.0.0/8`. */
export function createReach(allowCidrs: readonly string[]): Reach {
  const allowed = allowCidrs.map((range) => ipaddr.parseCIDR(range))

  function isAllowed(address: string): boolean {
    const parsed = parse(address)
    return parsed !== null && allowed.some((range) => isWithin(parsed, range))
  }

  const mayReach = (address: string) => isAllowed(address) || isPublicAddress(address)

  function known(host: string): readonly string[] | null {
    if (isLocalhost(host)) return loopback
    return net.isIP(host) ? [host] : null
  }

  return { isAllowed, mayReach, known, refuses: (host) => known(host)?.some(mayReach) === false }
}

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

/**
 * A host as browsers write it: in lower case, in Punycode, without brackets, and an address in its one form, whichever
 * it was given in (`0x7f.1` is 127.0.0.1). Null if it is none.
 */
export function canonicalHost(host: string): string | null {
  const isV6 = net.isIPv6(host)
  const text = `http://${isV6 ? `[${host}]` : host}/`
  if ((!isV6 && /[/\\?#@:\s]/.test(host)) || !URL.canParse(text)) return null
  return new URL(text).hostname.replace(/^\[|\]$/g, '')
}

function isPublic(address: Address): boolean {
  if (address instanceof ipaddr.IPv4) return address.range() === 'unicast' && !isWithin(address, azurePlatform)
  if (isWithin(address, nat64)) return isPublic(new ipaddr.IPv4(address.toByteArray().slice(12)))
  return isWithin(address, globalUnicast) && address.range() === 'unicast'
}

const isWithin = (address: Address, range: Range) => address.kind() === range[0].kind() && address.match(range)

/** RFC 6761: these names mean this machine, whatever a resolver says. Node does not resolve `*.localhost`. */
const isLocalhost = (hostname: string) => /(^|\.)localhost\.?$/i.test(hostname)
