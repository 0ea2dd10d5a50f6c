/** Who a connection comes from, as far as limits are concerned. Pure. */
import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'

/** Of an IPv6 address, the bits that a provider gives one customer. */
const CUSTOMER_BYTES = 8

/**
 * Which proxies tell the truth in X-Forwarded-For: so many, counted from this server, or those in these ranges. Whatever
 * else stands in the header was written by the client, and counts for nothing.
 */
export type TrustedProxies = { hops: number } | { ranges: readonly string[] }

type Asked = { socket: Pick<IncomingMessage['socket'], 'remoteAddress'>; headers: IncomingMessage['headers'] }

export type ClientOf = (request: Asked) => string

/** A number of proxies, or addresses and CIDR ranges separated by commas; null: it is neither. */
export function parseTrustedProxies(text: string): TrustedProxies | null {
  if (/^\d{1,2}$/.test(text.trim())) return { hops: Number(text) }
  const ranges = text.split(',').flatMap((each) => each.trim() || [])
  const asCidr = (range: string) => (ipaddr.isValid(range) ? `${range}/${range.includes(':') ? 128 : 32}` : range)
  const cidrs = ranges.map(asCidr)
  return cidrs.length > 0 && cidrs.every((range) => ipaddr.isValidCIDR(range)) ? { ranges: cidrs } : null
}

/** An IPv4 address, or the network of an IPv6 one: whoever has one address of it has them all. */
export function createClientOf(proxies: TrustedProxies): ClientOf {
  const trusts = 'hops' in proxies ? (_: string, hop: number) => hop < proxies.hops : inRanges(proxies.ranges)
  return ({ socket, headers }) => {
    let address = socket.remoteAddress ?? ''
    const told = String(headers['x-forwarded-for'] ?? '').split(',')
    for (let hop = 0; told.length > 0 && trusts(address, hop); hop++) {
      const before = withoutPort(told.pop() ?? '')
      if (!ipaddr.isValid(before)) break
      address = before
    }
    return customerOf(address)
  }
}

function inRanges(ranges: readonly string[]) {
  const parsed = ranges.map((range) => ipaddr.parseCIDR(range))
  return (address: string): boolean => {
    if (!ipaddr.isValid(address)) return false
    const asked = ipaddr.process(address)
    return parsed.some(([range, bits]) => range.kind() === asked.kind() && asked.match(range as never, bits))
  }
}

const withoutPort = (text: string) =>
  text
    .trim()
    .replace(/^\[(.*)\](:\d+)?$/, '$1')
    .replace(/^([\d.]+):\d+$/, '$1')

function customerOf(address: string): string {
  if (!ipaddr.isValid(address)) return address
  const parsed = ipaddr.process(address)
  if (parsed.kind() === 'ipv4') return parsed.toString()
  return parsed.toByteArray().slice(0, CUSTOMER_BYTES).join('.')
}
