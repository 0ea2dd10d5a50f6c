import { describe, expect, it } from 'vitest'
import { RecurrenceError } from '../../src/schedules/errors.ts'
import { canonicalZone, zoneOf } from '../../src/schedules/zones.ts'

const hour = 3_600_000

describe('canonicalZone', () => {
  it.each([
    ['UTC', 'UTC'],
    ['utc', 'UTC'],
    ['Etc/UTC', 'UTC'],
    ['etc/utc', 'UTC'],
    ['Europe/Berlin', 'Europe/Berlin'],
    ['europe/berlin', 'Europe/Berlin'],
    ['AMERICA/NEW_YORK', 'America/New_York'],
    ['america/port-au-prince', 'America/Port-au-Prince'],
    ['Etc/GMT+5', 'Etc/GMT+5'],
  ])('spells %s as %s', (given, name) => {
    expect(canonicalZone(given)).toBe(name)
  })

  it.each(['Asia/Calcutta', 'Asia/Kolkata', 'Europe/Kiev', 'Europe/Kyiv', 'US/Eastern', 'America/Nuuk'])(
    'leaves the link %s its own name, whichever of two the installed ICU prefers',
    (name) => {
      expect(canonicalZone(name)).toBe(name)
    },
  )

  it.each(['EST5EDT', 'CET', 'GMT', 'GB', 'NZ-CHAT', 'asia/kolkata'])('knows %s', (name) => {
    expect(canonicalZone(name)).not.toBeNull()
  })

  it.each([
    '',
    ' ',
    'Mars/Olympus',
    'Europe/Berln',
    'local',
    'localtime',
    'Z',
    'Etc/Unknown',
    ' UTC',
    'UTC\n',
    'Europe/Berlin ',
  ])('does not know %j', (name) => {
    expect(canonicalZone(name)).toBeNull()
  })

  it.each(['+02:00', '-0500', '+00', 'GMT+2', 'UTC+1', 'UTC+01:00'])('takes no offset for a zone: %s', (name) => {
    expect(canonicalZone(name)).toBeNull()
  })

  it.each(['BST', 'IST', 'AST', 'PST', 'jst', 'SystemV/PST8PDT'])(
    "refuses ICU's own %s, which IANA does not have",
    (name) => {
      expect(canonicalZone(name)).toBeNull()
    },
  )

  it('knows every zone that Node lists', () => {
    expect(Intl.supportedValuesOf('timeZone').filter((name) => canonicalZone(name) !== name)).toEqual([])
  })
})

describe('zoneOf', () => {
  it('names the zone that it does not know', () => {
    expect(() => zoneOf('Mars/Olympus')).toThrow(
      new RecurrenceError('timezone', "'Mars/Olympus' is not an IANA time zone"),
    )
    expect(() => zoneOf('')).toThrow(expect.objectContaining({ field: 'timezone' }))
  })

  it.each([
    ['UTC', '2027-07-01T00:00:00Z', 0],
    ['GMT', '2027-07-01T00:00:00Z', 0],
    ['Europe/Berlin', '2027-01-01T00:00:00Z', 1],
    ['Europe/Berlin', '2027-07-01T00:00:00Z', 2],
    ['America/New_York', '2027-01-01T00:00:00Z', -5],
    ['America/St_Johns', '2027-01-01T00:00:00Z', -3.5],
    ['Asia/Kathmandu', '2027-01-01T00:00:00Z', 5.75],
    ['Pacific/Apia', '2011-12-30T09:59:59Z', -10],
    ['Pacific/Apia', '2011-12-30T10:00:00Z', 14],
    ['Africa/Monrovia', '1971-01-01T00:00:00Z', -(44 * 60 + 30) / 3600],
  ])('%s at %s is %d hours ahead of UTC', (name, instant, hours) => {
    expect(zoneOf(name).offsetAt(Date.parse(instant))).toBe(hours * hour)
  })
})
