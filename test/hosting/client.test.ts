/** Whose address counts, with proxies and with clients that pretend to be behind some. */
import { describe, expect, it } from 'vitest'
import { createClientOf, parseTrustedProxies, type TrustedProxies } from '../../src/hosting/client.ts'

const trusting = (text: string) => createClientOf(parseTrustedProxies(text) as TrustedProxies)
const asked = (remoteAddress: string, forwarded?: string) => ({
  socket: { remoteAddress },
  headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
})

describe('the address of a client', () => {
  it.each([
    ['0', '192.0.2.1', '198.51.100.1', '192.0.2.1'],
    ['1', '10.0.0.1', undefined, '10.0.0.1'],
    ['1', '10.0.0.1', '203.0.113.9, 198.51.100.1', '198.51.100.1'],
    ['2', '10.0.0.1', '203.0.113.9, 198.51.100.1, 10.0.0.2', '198.51.100.1'],
    ['2', '10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['10.0.0.0/8', '10.0.0.1', '203.0.113.9, 198.51.100.1, 10.0.0.2', '198.51.100.1'],
    ['10.0.0.0/8', '192.0.2.1', '198.51.100.1', '192.0.2.1'],
    ['10.0.0.0/8', '::ffff:10.0.0.1', '198.51.100.1:4711', '198.51.100.1'],
    ['10.0.0.0/8', '10.0.0.1', '203.0.113.9, no address', '10.0.0.1'],
    ['10.0.0.0/8', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['::1, 127.0.0.1', '::1', '198.51.100.1', '198.51.100.1'],
  ])('with %j, connected from %s, told %j, is %s', (proxies, remote, forwarded, client) => {
    expect(trusting(proxies)(asked(remote, forwarded))).toBe(client)
  })

  it('of IPv6 is the network of one customer', () => {
    const of = trusting('1')
    const one = of(asked('10.0.0.1', '[2001:db8:1:2::1]:443'))
    expect(of(asked('10.0.0.1', '2001:db8:1:2:ffff::9'))).toBe(one)
    expect(of(asked('10.0.0.1', '2001:db8:1:3::1'))).not.toBe(one)
  })

  it.each(['', 'true', '10.0.0.0/99', '-1', 'loopback, 10.0.0.1'])('cannot be had by %j', (text) => {
    expect(parseTrustedProxies(text)).toBeNull()
  })
})
