/** Which of the media types that there are an `Accept` header asks for. Pure. */
import { parseAccept } from 'hono/utils/accept'

/** `onlyNamed`: no wildcard means it. */
export type Offer<Type extends string> = { type: Type; onlyNamed?: true }

/**
 * The one with the highest quality, which each has from the most specific range that fits it; of several the first offer,
 * or else the one that is named first. Parameters of ranges but `q` say nothing. Without a header: the first offer. Null:
 * none is acceptable.
 */
export function negotiate<Type extends string>(
  accept: string | undefined,
  offers: readonly Offer<Type>[],
): Type | null {
  const ranges = parseAccept(accept ?? '').map(({ type, q }) => ({ range: rangeOf(type), q }))
  if (!accept?.trim()) return offers[0]?.type ?? null
  const wanted = offers.flatMap((offer, index) => {
    const fitting = rangesOf(offer)
      .map((range) => ranges.findIndex((each) => each.range === range))
      .find((place) => place >= 0)
    const q = ranges[fitting ?? -1]?.q ?? 0
    return fitting === undefined || q === 0 ? [] : [{ type: offer.type, q, place: index === 0 ? -1 : fitting }]
  })
  wanted.sort((one, other) => other.q - one.q || one.place - other.place)
  return wanted[0]?.type ?? null
}

/** Some clients write `*` for all. */
const rangeOf = (type: string) => (type === '*' ? '*/*' : type.toLowerCase())

/** Those that mean it, the most specific first. */
const rangesOf = ({ type, onlyNamed }: Offer<string>) => (onlyNamed ? [type] : [type, `${type.split('/')[0]}/*`, '*/*'])
