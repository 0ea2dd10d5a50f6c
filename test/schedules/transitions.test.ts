/** A fixed sample of `all-zones.ts`, which does every zone. */
import { describe, expect, it } from 'vitest'
import { checkDates, checkZone } from './all-zones.ts'

const years = (first: number, last = first) => ({ from: Date.UTC(first, 0, 1), until: Date.UTC(last + 1, 0, 1) })

describe('around each change of the clocks, the slots are those of a look at every minute and second', () => {
  it.each([
    ['America/New_York', years(2027), 2],
    ['Europe/Berlin', years(2040), 2],
    ['Australia/Lord_Howe', years(2024), 2],
    ['Antarctica/Troll', years(2024), 2],
    ['Antarctica/Casey', years(2020), 2],
    ['Africa/Casablanca', years(2023), 2],
    ['Africa/Cairo', years(2024), 2],
    ['America/Nuuk', years(2023, 2024), 3],
    ['America/Sao_Paulo', years(2017), 2],
    ['Pacific/Apia', years(2011), 3],
    ['Asia/Kolkata', years(2020, 2040), 0],
  ])('%s', (zone, span, transitions) => {
    const seen = checkZone(zone, span, 3)
    expect(seen.transitions).toBe(transitions)
    expect(seen.slots).toBeGreaterThanOrEqual(transitions * 500)
  })
})

describe('a fixed time has one slot on each date from 2020 to 2040', () => {
  it.each([
    ['America/New_York', '30 2'],
    ['Africa/Cairo', '0 0'],
    ['Africa/Casablanca', '30 2'],
  ])('%s, %s', (zone, time) => {
    expect(checkDates(zone, time, years(2020, 2040))).toBeGreaterThanOrEqual(7670)
  })
})
