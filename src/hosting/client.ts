/** Who a connection comes from, as far as limits are concerned. Pure. */
import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'

/** Of an IPv6 address, the bits that a provider gives one customer. */
const CUSTOMER_BYTES = 8

/** An IPv4 address, or the network of an IPv6 one: whoever has one address of it has them all. */
export function clientOf({ socket }: Pick<IncomingMessage, 'socket'>): string {
  const address = socket.remoteAddress ?? ''
  if (!ipaddr.isValid(address)) return address
  const parsed = ipaddr.process(address)
  if (parsed.kind() === 'ipv4') return parsed.toString()
  return parsed.toByteArray().slice(0, CUSTOMER_BYTES).join('.')
}
