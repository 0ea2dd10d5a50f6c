import { describe, expect, it, vi } from 'vitest'
import { type CronDialect, parseCron } from '../../src/schedules/cron-dialect.ts'
import { RecurrenceError } from '../../src/schedules/errors.ts'

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i).join(',')

const refusal = (expression: string, dialect: CronDialect) => {
  try {
    parseCron(expression, dialect)
  } catch (error) {
    if (error instanceof RecurrenceError) return `${error.field}: ${error.message}`
    throw error
  }
  return null
}

describe('VIXIE', () => {
  it.each([
    ['* * * * *', '0 * * * * * *'],
    ['5 4 * * *', '0 5 4 * * * *'],
    ['15 5 4 * * *', '15 5 4 * * * *'],
    ['  5\t4   *  * * \n', '0 5 4 * * * *'],
    ['05 04 01 01 *', '0 5 4 1 1 * *'],
    ['0,30 9-12 * * *', '0 0,30 9,10,11,12 * * * *'],
    ['30,0,30 1 * * *', '0 0,30 1 * * * *'],
    ['*/15 * * * *', '0 0,15,30,45 * * * * *'],
    ['*/1 */1 */1 */1 */1', '0 * * * * * *'],
    ['5-59/20 * * * *', '0 5,25,45 * * * * *'],
    ['1,10-12,40-45/5 * * * *', '0 1,10,11,12,40,45 * * * * *'],
    ['0 0 1 jan,JUL *', '0 0 0 1 1,7 * *'],
    ['0 0 1 Nov-feb *', '0 0 0 1 1,2,11,12 * *'],
    ['0 22-2 * * *', '0 0 0,1,2,22,23 * * * *'],
    ['0 22-3/2 * * *', '0 0 0,2,22 * * * *'],
    ['55-5 * * * *', `0 0,1,2,3,4,5,55,56,57,58,59 * * * * *`],
    ['0 0 30-2 * *', '0 0 0 1,2,30,31 * * *'],
    ['0 0 * * 0', '0 0 0 * * 0 *'],
    ['0 0 * * 7', '0 0 0 * * 0 *'],
    ['0 0 * * SUN', '0 0 0 * * 0 *'],
    ['0 0 * * mon-Fri', '0 0 0 * * 1,2,3,4,5 *'],
    ['0 0 * * FRI-MON', '0 0 0 * * 0,1,5,6 *'],
    ['0 0 * * sat-sun', '0 0 0 * * 0,6 *'],
    ['0 0 * * 5-7', '0 0 0 * * 0,5,6 *'],
    ['0 0 * * 6-1', '0 0 0 * * 0,1,6 *'],
    ['0 0 * * 7-2', '0 0 0 * * 0,1,2 *'],
    ['0 0 * * 0-7', '0 0 0 * * 0,1,2,3,4,5,6 *'],
    ['0 0 * * 1-7/2', '0 0 0 * * 0,1,3,5 *'],
    ['0 0 * * */2', '0 0 0 * * 0,2,4,6 *'],
    ['0 0 13 * 5', '0 0 0 13 * 5 *'],
    ['0 0 1-31 * 5', `0 0 0 ${range(1, 31)} * 5 *`],
    ['0 */24 */31 */12 */7', '0 0 0 1 1 0 *'],
    ['*/60 * * * *', '0 0 * * * * *'],
    ['*,5 * * * *', '0 * * * * * *'],
  ])('%j becomes %j', (expression, pattern) => {
    expect(parseCron(expression, 'VIXIE').patterns).toEqual([pattern])
  })

  it.each([
    ['', 'expected 5 fields, or 6 with seconds first; there are 1'],
    ['* * * *', 'expected 5 fields, or 6 with seconds first; there are 4'],
    ['0 0 0 * * * 2030', 'expected 5 fields, or 6 with seconds first; there are 7'],
    ['@daily', "nicknames such as '@daily' are not taken; write the fields"],
    ['@reboot', "nicknames such as '@reboot' are not taken; write the fields"],
    ['2030-01-01T00:00:00Z', 'expected 5 fields, or 6 with seconds first; there are 1'],
    ['60 * * * *', 'minute: 60 is not in 0–59'],
    ['60 0 * * * *', 'second: 60 is not in 0–59'],
    ['* 24 * * *', 'hour: 24 is not in 0–23'],
    ['* * 0 * *', 'day of month: 0 is not in 1–31'],
    ['* * 32 * *', 'day of month: 32 is not in 1–31'],
    ['* * * 0 *', 'month: 0 is not in 1–12'],
    ['* * * 13 *', 'month: 13 is not in 1–12'],
    ['* * * * 8', 'day of week: 8 is not in 0–7'],
    ['0-70 * * * *', 'minute: 70 is not in 0–59'],
    ['-5 * * * *', "minute: '-5' is not understood"],
    ['5- * * * *', "minute: '5-' is not understood"],
    ['*-5 * * * *', "minute: '*-5': a range goes from one value to another"],
    ['1-2-3 * * * *', "minute: '1-2-3' is not understood"],
    ['1,,2 * * * *', 'minute: a value is missing'],
    [',1 * * * *', 'minute: a value is missing'],
    ['1, * * * *', 'minute: a value is missing'],
    ['*/0 * * * *', "minute: '*/0': the step has to be 1–60"],
    ['*/61 * * * *', "minute: '*/61': the step has to be 1–60"],
    ['*/90 * * * *', "minute: '*/90': the step has to be 1–60"],
    ['0-10/20 * * * *', "minute: '0-10/20': the step has to be 1–11"],
    ['5/15 * * * *', "minute: '5/15': write '5-59/15'"],
    ['/15 * * * *', "minute: '/15' is not understood"],
    ['*/ * * * *', "minute: '*/' is not understood"],
    ['*/5/5 * * * *', "minute: '*/5/5' is not understood"],
    ['*5 * * * *', "minute: '*5' is not understood"],
    ['1.5 * * * *', "minute: '1.5' is not understood"],
    ['1e1 * * * *', "minute: '1e1' is not a value of it"],
    ['٣ * * * *', "minute: '٣' is not understood"],
    ['* * * JANUARY *', "month: 'JANUARY' is not a value of it"],
    ['* * * MON *', "month: 'MON' is not a value of it"],
    ['* * * * JAN', "day of week: 'JAN' is not a value of it"],
    ['* * * * MO', "day of week: 'MO' is not a value of it"],
    ['JAN * * * *', "minute: 'JAN' is not a value of it"],
    ['? * * * *', "minute: '?' is not understood"],
    ['* * ? * *', "'?': L, W, # and ? belong to the QUARTZ dialect"],
    ['* * * * ?', "'?': L, W, # and ? belong to the QUARTZ dialect"],
    ['* * L * *', "'L': L, W, # and ? belong to the QUARTZ dialect"],
    ['* * l-3 * *', "'l-3': L, W, # and ? belong to the QUARTZ dialect"],
    ['* * 15W * *', "'15W': L, W, # and ? belong to the QUARTZ dialect"],
    ['* * LW * *', "'LW': L, W, # and ? belong to the QUARTZ dialect"],
    ['* * * * 5L', "'5L': L, W, # and ? belong to the QUARTZ dialect"],
    ['* * * * friL', "'friL': L, W, # and ? belong to the QUARTZ dialect"],
    ['* * * * 1#2', "'1#2': L, W, # and ? belong to the QUARTZ dialect"],
    ['* * * * +5', "day of week: '+5' is not understood"],
    ['H * * * *', "minute: 'H' is not a value of it"],
    ['0x10 * * * *', "minute: '0x10' is not a value of it"],
    ['1_0 * * * *', "minute: '1_0' is not understood"],
    ['00005 * * * *', "minute: '00005' is not a value of it"],
    ['９ * * * *', "minute: '９' is not understood"],
    ['１-２ * * * *', "minute: '１-２' is not understood"],
    ['1–5 * * * *', "minute: '1–5' is not understood"],
    ['* * * * ſun', "day of week: 'ſun' is not understood"],
    ['* * * * FRı', "day of week: 'FRı' is not understood"],
    ['* * * * \u212A', "day of week: '\u212A' is not understood"],
    ['5\0 4 * * *', "minute: '5\0' is not understood"],
    ['\0 4 * * *', "minute: '\0' is not understood"],
    ['5\u00A04 * * * *', "minute: '5\u00A04' is not understood"],
    ['5\n4 * * *', 'expected 5 fields, or 6 with seconds first; there are 4'],
    ['* * * * *; DROP TABLE jobs', 'expected 5 fields, or 6 with seconds first; there are 8'],
    ['* * * * constructor', "day of week: 'constructor' is not a value of it"],
    ['__proto__ * * * *', "minute: '__proto__' is not understood"],
    ['NaN * * * *', "minute: 'NaN' is not a value of it"],
    ['Infinity * * * *', "minute: 'Infinity' is not a value of it"],
    ['*/1e1 * * * *', "minute: '*/1e1' is not understood"],
    ['*/99999 * * * *', "minute: '*/99999' is not understood"],
  ])('%j is refused', (expression, message) => {
    expect(refusal(expression, 'VIXIE')).toBe(`expression: ${message}`)
  })
})

describe('QUARTZ', () => {
  it.each([
    ['0 0 12 * * ?', '0 0 12 * * * *'],
    ['0 0 12 ? * *', '0 0 12 * * * *'],
    ['0 0 12 * * *', '0 0 12 * * * *'],
    ['0 15 10 ? * MON-FRI', '0 15 10 * * 1,2,3,4,5 *'],
    ['0 15 10 ? * 1', '0 15 10 * * 0 *'],
    ['0 15 10 ? * SUN', '0 15 10 * * 0 *'],
    ['0 15 10 ? * 7', '0 15 10 * * 6 *'],
    ['0 15 10 ? * SAT-MON', '0 15 10 * * 0,1,6 *'],
    ['0 15 10 ? * FRI-TUE', '0 15 10 * * 0,1,2,5,6 *'],
    ['0 15 10 ? * 2/2', '0 15 10 * * 1,3,5 *'],
    ['0 15 10 ? * L', '0 15 10 * * 6 *'],
    ['0 15 10 ? * 6L', '0 15 10 * * 5L *'],
    ['0 15 10 ? * FRIL', '0 15 10 * * 5L *'],
    ['0 15 10 ? * fril', '0 15 10 * * 5L *'],
    ['0 15 10 ? * 1L', '0 15 10 * * 0L *'],
    ['0 15 10 ? * 6#3', '0 15 10 * * 5#3 *'],
    ['0 15 10 ? * MON#1', '0 15 10 * * 1#1 *'],
    ['0 15 10 L * ?', '0 15 10 L * * *'],
    ['0 15 10 lw * ?', '0 15 10 LW * * *'],
    ['0 15 10 15W * ?', '0 15 10 15W * * *'],
    ['0 15 10 01w * ?', '0 15 10 1W * * *'],
    ['0 15 10 28-2 * ?', '0 15 10 1,2,28,29,30,31 * * *'],
    ['0 0 12 1/5 * ?', '0 0 12 1,6,11,16,21,26,31 * * *'],
    ['0 0 12 1/1 * ? *', `0 0 12 ${range(1, 31)} * * *`],
    ['0/10 * * * * ?', '0,10,20,30,40,50 * * * * * *'],
    ['/10 * * * * ?', '0,10,20,30,40,50 * * * * * *'],
    ['30/45 * * * * ?', '30 * * * * * *'],
    ['0-10/20 * * * * ?', '0 * * * * * *'],
    ['0 0/5 14,18 * * ?', '0 0,5,10,15,20,25,30,35,40,45,50,55 14,18 * * * *'],
    ['0 0 22-2 ? JAN/6 *', '0 0 0,1,2,22,23 * 1,7 * *'],
    ['0 0 0 1 1 ? 2030', '0 0 0 1 1 * 2030'],
    ['0 0 0 1 1 ? 2030-2032', '0 0 0 1 1 * 2030,2031,2032'],
    ['0 0 0 1 1 ? 2090/4', '0 0 0 1 1 * 2090,2094,2098'],
    ['0 0 0 1 1 ? 1970,2099', '0 0 0 1 1 * 1970,2099'],
    ['0 15 10 L-0 4 ? 2030', '0 15 10 30 4 * 2030'],
  ])('%j becomes %j', (expression, pattern) => {
    expect(parseCron(expression, 'QUARTZ').patterns).toEqual([pattern])
  })

  it('L-3 becomes one pattern for each length of month that is asked for', () => {
    expect(parseCron('0 0 0 L-3 * ? 2027-2029', 'QUARTZ').patterns).toEqual([
      '0 0 0 28 1,3,5,7,8,10,12 * 2027,2028,2029',
      '0 0 0 27 4,6,9,11 * 2027,2028,2029',
      '0 0 0 26 2 * 2028',
      '0 0 0 25 2 * 2027,2029',
    ])
    expect(parseCron('0 0 0 L-30W 1-4 ? 2027', 'QUARTZ').patterns).toEqual(['0 0 0 1W 1,3 * 2027'])
    expect(parseCron('0 0 0 L-29 2 ?', 'QUARTZ').patterns).toEqual([])
    expect(parseCron('0 0 0 L-1 2 ? 1999,2000', 'QUARTZ').patterns).toEqual(['0 0 0 28 2 * 2000', '0 0 0 27 2 * 1999'])
  })

  it.each([
    ['0 12 * * ?', 'expected 6 fields (seconds first), or 7 with a year; there are 5'],
    ['0 0 12 * * ? * *', 'expected 6 fields (seconds first), or 7 with a year; there are 8'],
    ['@hourly', "nicknames such as '@hourly' are not taken; write the fields"],
    ['0 0 12 1 * MON', "exactly one of day of month and day of week has to be '?' (or both '*')"],
    ['0 0 12 ? * ?', "exactly one of day of month and day of week has to be '?' (or both '*')"],
    ['0 0 12 * * MON', "exactly one of day of month and day of week has to be '?' (or both '*')"],
    ['0 0 12 1 * *', "exactly one of day of month and day of week has to be '?' (or both '*')"],
    ['0 0 12 ?,1 * MON', "exactly one of day of month and day of week has to be '?' (or both '*')"],
    ['0 0 ? * * ?', "hour: '?' is not understood"],
    ['0 0 L * * ?', "hour: 'L' is not a value of it"],
    ['0 0 12 ? * 0', 'day of week: 0 is not in 1–7'],
    ['0 0 12 ? * 8', 'day of week: 8 is not in 1–7'],
    ['0 0 12 ? * 8L', 'day of week: 8 is not in 1–7'],
    ['0 0 12 ? * 6#0', "day of week: '6#0': a month has a 1st to 5th of each weekday"],
    ['0 0 12 ? * 6#6', "day of week: '6#6': a month has a 1st to 5th of each weekday"],
    ['0 0 12 ? * 6#12', "day of week: '6#12': a month has a 1st to 5th of each weekday"],
    ['0 0 12 ? * 6#', "day of week: '6#' is not understood"],
    ['0 0 12 ? * 2#1,6#3', "'2#1,6#3': L, W and # stand alone in their field"],
    ['0 0 12 ? * MON,L', "'MON,L': L, W and # stand alone in their field"],
    ['0 0 12 L,15 * ?', "'L,15': L, W and # stand alone in their field"],
    ['0 0 12 1W,15W * ?', "'1W,15W': L, W and # stand alone in their field"],
    ['0 0 12 1-15W * ?', "day of month: '15W' is not a value of it"],
    ['0 0 12 32W * ?', 'day of month: 32 is not in 1–31'],
    ['0 0 12 0W * ?', 'day of month: 0 is not in 1–31'],
    ['0 0 12 W * ?', "day of month: 'W' is not a value of it"],
    ['0 0 12 L-31 * ?', "day of month: 'L-31': the first of a month is at most 30 days before its last"],
    ['0 0 12 ? * L-3', "day of week: 'L' is not a value of it"],
    ['0 0 12 * * ? 1969', 'year: 1969 is not in 1970–2099'],
    ['0 0 12 * * ? 2100', 'year: 2100 is not in 1970–2099'],
    ['0 0 12 * * ? 2030-2028', "year: '2030-2028' goes backwards"],
    ['0/0 0 12 * * ?', "second: '0/0': the step has to be 1–59"],
    ['0/60 0 12 * * ?', "second: '0/60': the step has to be 1–59"],
    ['0 0 0/24 * * ?', "hour: '0/24': the step has to be 1–23"],
    ['0 0 12 1/32 * ?', "day of month: '1/32': the step has to be 1–31"],
  ])('%j is refused', (expression, message) => {
    expect(refusal(expression, 'QUARTZ')).toBe(`expression: ${message}`)
  })
})

it.each<[string, string]>([
  ['a long list', `${'0,'.repeat(5000)}0 * * * *`],
  ['a long number', `${'9'.repeat(10_000)} * * * *`],
  ['a long step', `*/${'1'.repeat(10_000)} * * * *`],
  ['blanks', ' '.repeat(10_000)],
  ['blanks around what would be right', `${' '.repeat(500)}* * * * *${' '.repeat(500)}`],
  ['many fields', '* '.repeat(5000)],
  ['many ranges without an end', '1-'.repeat(5000)],
  ['surrogates', '💥'.repeat(5000)],
])('is not even looked at if it has more than 1000 characters: %s', (_, expression) => {
  for (const dialect of ['VIXIE', 'QUARTZ'] as const) {
    const looks = vi.spyOn(RegExp.prototype, 'exec')
    const message = refusal(expression, dialect)
    const looked = looks.mock.calls.length
    looks.mockRestore()
    expect(message).toBe('expression: a cron expression has at most 1000 characters')
    expect(looked).toBe(0)
  }
})

describe('a fixed time', () => {
  it.each<[string, CronDialect]>([
    ['30 2 * * *', 'VIXIE'],
    ['0,30 1-3 * * *', 'VIXIE'],
    ['0-59 0-23 * * *', 'VIXIE'],
    ['30 2 */2 * */2', 'VIXIE'],
    ['0 30 2 1/2 * ? *', 'QUARTZ'],
  ])('has no * and no step in second, minute and hour: %s', (expression, dialect) => {
    expect(parseCron(expression, dialect).fixed).toBe(true)
  })

  it.each<[string, CronDialect]>([
    ['30 * * * *', 'VIXIE'],
    ['*/15 2 * * *', 'VIXIE'],
    ['0-30/30 2 * * *', 'VIXIE'],
    ['0,15-45/15 2 * * *', 'VIXIE'],
    ['* 30 2 * * *', 'VIXIE'],
    ['30 */1 * * *', 'VIXIE'],
    ['0 30/30 2 * * ?', 'QUARTZ'],
    ['0 /30 2 * * ?', 'QUARTZ'],
  ])('is not %s', (expression, dialect) => {
    expect(parseCron(expression, dialect).fixed).toBe(false)
  })
})
