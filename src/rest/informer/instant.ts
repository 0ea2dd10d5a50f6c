/** Dates as Informer's clients write them. Pure. */

const ISO = /^(\d{4})-(\d\d)-(\d\d)(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$/i

/** An ISO 8601 date, with a time or without, in UTC where it names no offset; null: it is none. */
export function instantOf(text: string): Date | null {
  const [, year, month, day, time, , , offset] = ISO.exec(text.trim()) ?? []
  if (year === undefined) return null
  const at = new Date(text.trim().toUpperCase() + (time === undefined || offset !== undefined ? '' : 'Z'))
  // The 30th of February would be taken for the 2nd of March.
  const isDay = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day)
  return isDay && !Number.isNaN(at.getTime()) ? at : null
}
