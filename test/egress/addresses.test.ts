/** Which addresses are public, held to the registries: as resolvers give them, and as URLs may hold them. */
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createEgress, EgressError } from '../../src/egress/egress.ts'
import { isPublicAddress } from '../../src/egress/reach.ts'
import {
  anyAddress,
  colons,
  dotted,
  edgesOf,
  isPublicV4,
  isPublicV6,
  RANGES_V4,
  RANGES_V6,
  v4,
  v6,
  writtenV4,
  writtenV6,
} from './special-ranges.ts'

function passes(url: string, allowCidrs: string[] = []): boolean {
  const egress = createEgress({ allowCidrs, httpsOnly: false })
  onTestFinished(() => egress.close())
  try {
    egress.check(url)
    return true
  } catch (error) {
    if (error instanceof EgressError && error.code === 'ADDRESS_REFUSED') return false
    throw error
  }
}

const hex = (value: bigint) => `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`
const ipv4 = anyAddress(RANGES_V4, 32)
const ipv6 = anyAddress(RANGES_V6, 128)

describe('as a resolver gives it', () => {
  test('each range of the registries ends where it says', () => {
    for (const range of RANGES_V4) {
      for (const value of edgesOf(range, 32)) expect(isPublicAddress(dotted(value)), range.text).toBe(isPublicV4(value))
    }
    for (const range of RANGES_V6) {
      for (const value of edgesOf(range, 128))
        expect(isPublicAddress(colons(value)), range.text).toBe(isPublicV6(value))
    }
  })

  test('an IPv4 address is public exactly if it is in no special range', () => {
    fc.assert(
      fc.property(ipv4, (value) => {
        expect(isPublicAddress(dotted(value))).toBe(isPublicV4(value))
      }),
      { numRuns: 2000 },
    )
  })

  test('an IPv6 address is public exactly if it is of public unicast, and in no special range', () => {
    fc.assert(
      fc.property(
        ipv6.chain((value) => fc.tuple(fc.constant(value), writtenV6(value))),
        ([value, text]) => {
          expect(isPublicAddress(text), text).toBe(isPublicV6(value))
        },
      ),
      { numRuns: 3000 },
    )
  })

  test('an IPv4 address that is mapped into IPv6, or behind NAT64, counts as itself', () => {
    fc.assert(
      fc.property(ipv4, (value) => {
        for (const form of [`::ffff:${dotted(value)}`, `::ffff:${hex(value)}`, `64:ff9b::${hex(value)}`]) {
          expect(isPublicAddress(form)).toBe(isPublicV4(value))
        }
      }),
      { numRuns: 500 },
    )
  })

  test('an address in a tunnel or translation other than these is never public', () => {
    fc.assert(
      fc.property(ipv4, fc.nat(0xffff), (value, any) => {
        for (const form of [
          `::${hex(value)}`,
          `::ffff:0:${hex(value)}`,
          `64:ff9b:1::${hex(value)}`,
          `2002:${hex(value)}::${any.toString(16)}`,
          `2001:0:${hex(value)}::${any.toString(16)}`,
          `2001:0:1234:5678::${hex(value)}`,
        ]) {
          expect(isPublicAddress(form), form).toBe(false)
        }
      }),
      { numRuns: 500 },
    )
  })

  test.each(['2606:4700:4700::1111', '2a00:1450:4001:80b::200e', '93.184.215.14', '8.8.8.8'])(
    '%s is public',
    (address) => expect(isPublicAddress(address)).toBe(true),
  )

  test.each([
    'fe80::1%eth0',
    '::1%lo',
    '::ffff:127.0.0.1%lo',
    'localhost',
    '127.1',
    '0x7f.0.0.1',
    '8.8.8.8 ',
    '[::1]',
    '',
  ])('“%s” is not', (address) => expect(isPublicAddress(address)).toBe(false))

  test.each([
    ['AWS, Azure, Google, DigitalOcean, Oracle', '169.254.169.254'],
    ['AWS for containers', '169.254.170.2'],
    ['AWS over IPv6', 'fd00:ec2::254'],
    ['Google over IPv6', 'fd20:ce::254'],
    ['Oracle over IPv6', 'fd00:c1::a9fe:a9fe'],
    ['Alibaba', '100.100.100.200'],
    ['Azure’s platform', '168.63.129.16'],
    ['Oracle’s other', '192.0.0.192'],
    ['Tencent', '169.254.0.23'],
  ])('the machine’s metadata of %s is not', (_, address) => {
    const value = address.includes(':') ? null : v4(address)
    const forms = value === null ? [address] : [address, `::ffff:${address}`, `64:ff9b::${hex(value)}`]
    for (const form of forms) {
      expect(isPublicAddress(form), form).toBe(false)
      expect(passes(`http://${form.includes(':') ? `[${form}]` : form}/`), form).toBe(false)
    }
  })
})

describe('as a URL holds it', () => {
  test('an IPv4 address counts as itself in every notation', () => {
    fc.assert(
      fc.property(
        ipv4.chain((value) => fc.tuple(fc.constant(value), writtenV4(value))),
        ([value, text]) => {
          expect(passes(`http://${text}/`), text).toBe(isPublicV4(value))
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('an IPv6 address counts as itself in every notation', () => {
    fc.assert(
      fc.property(
        ipv6.chain((value) => fc.tuple(fc.constant(value), writtenV6(value))),
        ([value, text]) => {
          expect(passes(`http://[${text}]/`), text).toBe(isPublicV6(value))
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('an allowed range opens itself and no neighbour, in every notation', () => {
    const [first, last] = [v4('10.1.0.0'), v4('10.1.255.255')]
    const near = fc.oneof(fc.bigInt(first - 3n, first + 3n), fc.bigInt(last - 3n, last + 3n), fc.bigInt(first, last))
    fc.assert(
      fc.property(
        near.chain((value) => fc.tuple(fc.constant(value), writtenV4(value))),
        ([value, text]) => {
          const inside = value >= first && value <= last
          expect(passes(`http://${text}/`, ['10.1.0.0/16']), text).toBe(inside)
          expect(passes(`http://[::ffff:${hex(value)}]/`, ['10.1.0.0/16'])).toBe(inside)
          // whoever runs the translator could be asked for a private address of his
          expect(passes(`http://[64:ff9b::${hex(value)}]/`, ['10.1.0.0/16'])).toBe(false)
        },
      ),
    )
  })
})

test('the oracle reads and writes addresses', () => {
  expect([v4('1.2.3.4'), dotted(0x01020304n)]).toEqual([0x01020304n, '1.2.3.4'])
  expect(v6('2001:db8::1')).toBe((0x20010db8n << 96n) + 1n)
  expect(colons(v6('::ffff:0:1'))).toBe('0:0:0:0:0:ffff:0:1')
})
