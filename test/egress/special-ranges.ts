/**
 * Which addresses are special, by the IANA registries (IPv4 and IPv6 Special-Purpose Address, multicast, and what is not
 * given out) and by what clouds answer at, reckoned with plain numbers: an oracle beside the product's library.
 */
import fc from 'fast-check'

const SPECIAL_V4 = `
  0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
  192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24
  203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 255.255.255.255/32 168.63.129.16/32`

/** Within 2000::/3, the only part of IPv6 that is given out as public unicast. */
const SPECIAL_V6 = `
  2001::/23 2001::/32 2001:1::1/128 2001:1::2/128 2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28
  2001:20::/28 2001:30::/28 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20`

/** Outside of it. */
const OTHER_V6 = `
  ::/128 ::1/128 ::/96 ::ffff:0:0:0/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 5f00::/16 fc00::/7 fe80::/10 fec0::/10
  ff00::/8 fd00:ec2::254/128 fd20:ce::254/128`

export type Range = { first: bigint; last: bigint; text: string }

export const v4 = (text: string): bigint => text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n)

export function v6(text: string): bigint {
  const [head = '', tail] = text.split('::')
  const groups = (part: string) => part.split(':').filter(Boolean)
  const [before, after] = [groups(head), groups(tail ?? '')]
  const all = tail === undefined ? before : [...before, ...Array(8 - before.length - after.length).fill('0'), ...after]
  return all.reduce((sum, group) => sum * 0x10000n + BigInt(`0x${group}`), 0n)
}

const rangesOf = (list: string, bits: number, parse: (text: string) => bigint): Range[] =>
  list
    .trim()
    .split(/\s+/)
    .map((text) => {
      const [address = '', length = ''] = text.split('/')
      const size = 1n << BigInt(bits - Number(length))
      return { first: parse(address), last: parse(address) + size - 1n, text }
    })

export const RANGES_V4 = rangesOf(SPECIAL_V4, 32, v4)
const rangesV6 = rangesOf(SPECIAL_V6, 128, v6)
export const RANGES_V6 = [...rangesV6, ...rangesOf(`${OTHER_V6} 2000::/3 ::ffff:0:0/96 64:ff9b::/96`, 128, v6)]

const isIn = (value: bigint, { first, last }: Range) => value >= first && value <= last
const [globalUnicast, mapped, nat64] = RANGES_V6.slice(-3) as [Range, Range, Range]

export const isPublicV4 = (value: bigint) => !RANGES_V4.some((range) => isIn(value, range))

export function isPublicV6(value: bigint): boolean {
  if (isIn(value, mapped) || isIn(value, nat64)) return isPublicV4(value & 0xffffffffn)
  return isIn(value, globalUnicast) && !rangesV6.some((range) => isIn(value, range))
}

/** The edges of a range, and what lies beside them. */
export const edgesOf = ({ first, last }: Range, bits: number) =>
  [first - 1n, first, last, last + 1n].filter((value) => value >= 0n && value < 1n << BigInt(bits))

/** Any address, one of a special range, or one at its edge. */
export const anyAddress = (ranges: Range[], bits: number) =>
  fc.oneof(
    fc.bigInt(0n, (1n << BigInt(bits)) - 1n),
    fc.constantFrom(...ranges).chain(({ first, last }) => fc.bigInt(first, last)),
    fc.constantFrom(...ranges.flatMap((range) => edgesOf(range, bits))),
  )

const bytesOf = (value: bigint) => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n)
export const dotted = (value: bigint) => bytesOf(value).join('.')
const groupsOf = (value: bigint) => Array.from({ length: 8 }, (_, n) => (value >> BigInt(112 - 16 * n)) & 0xffffn)
export const colons = (value: bigint) =>
  groupsOf(value)
    .map((group) => group.toString(16))
    .join(':')

const digits = (value: bigint) =>
  fc.constantFrom(
    `${value}`,
    `0x${value.toString(16)}`,
    `0X000${value.toString(16).toUpperCase()}`,
    `0${value.toString(8)}`,
  )

/** An IPv4 address in one of the many ways in which a URL may hold it. */
export function writtenV4(value: bigint): fc.Arbitrary<string> {
  const [a = 0n, b = 0n, c = 0n, d = 0n] = bytesOf(value)
  const parts = fc.constantFrom([a, b, c, d], [a, b, (c << 8n) | d], [a, value & 0xffffffn], [value])
  const disguise = fc.constantFrom<(text: string) => string>(
    (text) => text,
    (text) => `${text}.`,
    (text) => text.replaceAll('.', '。'),
    (text) => text.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
    (text) => text.replace(/^./, (first) => `%${first.charCodeAt(0).toString(16)}`),
  )
  return fc
    .tuple(
      parts.chain((numbers) => fc.tuple(...numbers.map(digits)).map((texts) => texts.join('.'))),
      disguise,
    )
    .map(([text, hide]) => hide(text))
}

/** An IPv6 address, without brackets: in full, shortened somewhere, in capitals, or with an IPv4 address at its end. */
export function writtenV6(value: bigint): fc.Arbitrary<string> {
  const groups = groupsOf(value)
  return fc.record({ skip: fc.nat(7), pad: fc.boolean(), capital: fc.boolean(), v4End: fc.boolean() }).map((how) => {
    const texts = groups.map((group) => group.toString(16).padStart(how.pad ? 4 : 1, '0'))
    if (how.v4End) texts.splice(6, 2, dotted(value & 0xffffffffn))
    const zeros = texts.map((text) => /^0+$/.test(text))
    let text = texts.join(':')
    const from = zeros.indexOf(true, how.skip % texts.length)
    if (from >= 0) {
      let end = from
      while (zeros[end]) end++
      text = `${texts.slice(0, from).join(':')}::${texts.slice(end).join(':')}`
    }
    return how.capital ? text.toUpperCase() : text
  })
}
