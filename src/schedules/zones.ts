/**
 * Time zones by their IANA name, as Node's own ICU knows them. Refused, though ICU takes them: its three-letter legacy
 * names ('BST' is Asia/Dhaka there, 'AST' Anchorage) and `SystemV/…`. Bare offsets are no zones.
 */
import { createCache } from './cache.ts'
import { RecurrenceError } from './errors.ts'

export type Zone = {
  name: string
  /** What the zone's clocks are ahead of UTC at an instant; both in milliseconds. */
  offsetAt(instant: number): number
}

const UTC: Zone = { name: 'UTC', offsetAt: () => 0 }
const utc = /^(etc\/)?utc$/i
const threeLetters = new Set([
  'CET',
  'EET',
  'EST',
  'GMT',
  'HST',
  'MET',
  'MST',
  'PRC',
  'ROC',
  'ROK',
  'UCT',
  'UTC',
  'WET',
])

/** An ICU formatter takes 0.2 ms to make and about 25 KB to keep; there are some 600 names. */
const zones = createCache<Zone>(600)

/**
 * The zone's name in its usual spelling, or null if it is none: `europe/berlin` → `Europe/Berlin`, `etc/utc` → `UTC`.
 * A link keeps its own name as given (`Asia/Kolkata`): which of two names is the canonical one differs between releases
 * of ICU, and nobody wants `Europe/Kiev` back for `Europe/Kyiv`.
 */
export const canonicalZone = (name: string): string | null => findZone(name)?.name ?? null

/** Throws RecurrenceError (`timezone`) for a name that `canonicalZone` does not know. */
export function zoneOf(name: string): Zone {
  const zone = findZone(name)
  if (!zone) throw new RecurrenceError('timezone', `'${name}' is not an IANA time zone`)
  return zone
}

function findZone(name: string): Zone | null {
  if (utc.test(name)) return UTC
  if (!/^[a-z]/i.test(name) || /^systemv\//i.test(name)) return null
  if (name.length === 3 && !threeLetters.has(name.toUpperCase())) return null
  return zones(name, (): Zone | null => {
    const format = formatter(name)
    if (!format) return null
    const spelled = format.resolvedOptions().timeZone
    return {
      name: spelled.toLowerCase() === name.toLowerCase() ? spelled : name,
      offsetAt: (instant) => readOffset(format.format(instant)),
    }
  })
}

/** The minute is only there because a format needs a field: it is the cheapest (2 µs; date and time take 3). */
function formatter(timeZone: string): Intl.DateTimeFormat | null {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone, minute: 'numeric', timeZoneName: 'longOffset' })
  } catch {
    return null
  }
}

/** `0 GMT`, `0 GMT+01:00`, and `0 GMT-04:56:02` before standard time. */
function readOffset(text: string): number {
  const [, sign, hours, minutes, seconds = 0] = /GMT([+-])(\d+):(\d+)(?::(\d+))?$/.exec(text) ?? []
  const size = (Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds)) * 1000
  return sign === '-' ? -size : size
}
