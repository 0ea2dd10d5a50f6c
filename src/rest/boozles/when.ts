/** Instants as Boozles writes them: ISO 8601, extended, in UTC to the second; read with any offset. Pure. */

const ISO = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:[.,]\d{1,9})?)?(?:Z|([+-])(\d\d)(?::?(\d\d))?)?$/i

/** Without an offset it is in UTC; what is below a second is left out. Null: it is no such date. */
export function parseInstant(text: string): Date | null {
  const [all, year, month, day, hour, minute, second = '00', sign, hours = '0', minutes = '0'] = ISO.exec(text) ?? []
  if (all === undefined) return null
  const wall = `${year}-${month}-${day}T${hour}:${minute}:${second}`
  const instant = new Date(`${wall}Z`)
  // JavaScript takes 30 February for 2 March, and 24:00 for the next day.
  if (Number.isNaN(instant.getTime()) || !instant.toISOString().startsWith(wall)) return null
  if (Number(hours) > 23 || Number(minutes) > 59) return null
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -60_000 : 60_000)
  return new Date(instant.getTime() - offset)
}

/** `2011-05-11T15:30:00Z` */
export const formatInstant = (instant: Date): string => `${instant.toISOString().slice(0, 19)}Z`
