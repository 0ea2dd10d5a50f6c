/** What is asked of everybody: expressions made to tell libraries apart, then the tests' own random ones. */
import { minuteExpressions, restrictedDays, sample } from '../../test/schedules/expressions.ts'

const hour = 3_600_000
const around = (zone, change, hours = 30) => {
  const at = Date.parse(change)
  return { zone, from: new Date(at - hours * hour), until: new Date(at + hours * hour) }
}
const calendar = { zone: 'UTC', from: new Date('2026-12-31T23:59:59Z'), until: new Date('2031-12-31T23:59:59Z') }
const short = { zone: 'UTC', from: new Date('2026-12-31T23:59:59Z'), until: new Date('2027-01-02T23:59:59Z') }

const changes = [
  around('America/New_York', '2027-03-14T07:00:00Z'),
  around('America/New_York', '2027-11-07T06:00:00Z'),
  around('Europe/Berlin', '2027-03-28T01:00:00Z'),
  around('Europe/Berlin', '2027-10-31T01:00:00Z'),
  around('Australia/Lord_Howe', '2027-10-02T15:30:00Z'),
  around('Australia/Lord_Howe', '2027-04-03T15:00:00Z'),
  around('Africa/Cairo', '2027-04-29T22:00:00Z'),
  around('Africa/Cairo', '2027-10-28T21:00:00Z'),
  around('America/Nuuk', '2027-03-28T01:00:00Z'),
  around('Antarctica/Troll', '2027-03-28T01:00:00Z'),
  around('Antarctica/Troll', '2027-10-31T01:00:00Z'),
  around('Pacific/Apia', '2011-12-30T10:00:00Z'),
]

const clocks = [
  '0 0 * * *',
  '30 0 * * *',
  '30 1 * * *',
  '45 1 * * *',
  '0 2 * * *',
  '15 2 * * *',
  '30 2 * * *',
  '0 3 * * *',
  '30 23 * * *',
  '0,30 1 * * *',
  '0,30 2 * * *',
  '0,30 2,3 * * *',
  '30 1-3 * * *',
  '*/15 1 * * *',
  '*/15 2 * * *',
  '*/15 * * * *',
  '30 * * * *',
  '0 */2 * * *',
  '0 */6 * * *',
  '0 9 * * *',
]

const vixieDays = [
  '0 0 13 * 5',
  '0 0 13 * FRI',
  '0 0 */2 * 1',
  '0 0 1 * */2',
  '0 0 1-31 * 1',
  '0 0 1,15 * MON-FRI',
  '0 0 29 2 *',
  '0 0 31 * *',
  '0 0 30 2,3 *',
  '0 0 * * 0',
  '0 0 * * 7',
  '0 0 * * 5-7',
  '0 0 * * 6-1',
  '0 0 * * FRI-MON',
  '0 0 * * sat-sun',
  '0 0 * * 0-7',
  '0 0 * * 1-7/2',
  '0 0 30-2 * *',
  '0 0 1 NOV-FEB *',
  '0 0 * * */2',
  '0 0 1 */5 *',
  '0 0 31 * 1',
  '0 0 ? * 1',
  '0 0 L * *',
  '0 0 * * 5L',
  '0 0 * * 5#3',
  '0 0 15W * *',
  '0 0 LW * *',
]

const vixieTimes = [
  '0 22-2 * * *',
  '0 22-3/2 * * *',
  '55-5 0 1 * *',
  '*/7 0 1 * *',
  '5-59/20 0 1 * *',
  '10-12,40-45/5 0 1 * *',
  '30,0,30 1 1 * *',
  '*,5 0 1 * *',
  '*/60 0 1 * *',
  '*/90 0 1 * *',
  '0-10/20 0 1 * *',
  '5/15 0 1 * *',
  '/15 0 1 * *',
  '*/0 0 1 * *',
  '60 0 1 * *',
  '0 24 1 * *',
  '0 0 0 * *',
  '0 0 32 * *',
  '0 0 1 13 *',
  '0 0 * * 8',
  '0 0 1 0 *',
  '05 04 01 01 *',
  '1,,2 0 1 * *',
  '1, 0 1 * *',
  '5- 0 1 * *',
  '*-5 0 1 * *',
  '1.5 0 1 * *',
  '1e1 0 1 * *',
  '0 0 1 JANUARY *',
  '0 0 1 * MONDAY',
  'JAN 0 1 * *',
  '@daily',
  '0 0 1',
  '15 0 0 1 * *',
  '*/20 59 23 1 * *',
  'H 0 1 * *',
  '0x1 0 1 * *',
  '-5 0 1 * *',
  '٣ 0 1 * *',
]

const quartzDays = [
  '0 0 0 ? * MON-FRI',
  '0 0 0 ? * 1',
  '0 0 0 ? * 2-6',
  '0 0 0 ? * SAT-MON',
  '0 0 0 ? * FRI-TUE',
  '0 0 0 ? * L',
  '0 0 0 ? * 6L',
  '0 0 0 ? * FRIL',
  '0 0 0 ? * fril',
  '0 0 0 ? * 6#3',
  '0 0 0 ? * FRI#3',
  '0 0 0 ? * MON#5',
  '0 0 0 ? * 2/2',
  '0 0 0 ? * SUN',
  '0 0 0 L * ?',
  '0 0 0 LW * ?',
  '0 0 0 15W * ?',
  '0 0 0 1W * ?',
  '0 0 0 31W * ?',
  '0 0 0 L-3 * ?',
  '0 0 0 L-3W * ?',
  '0 0 0 1/5 * ?',
  '0 0 0 28-2 * ?',
  '0 0 0 29 2 ?',
  '0 0 0 1 1/3 ?',
  '0 0 0 1 NOV-FEB ?',
  '0 0 0 1 1 ? 2028',
  '0 0 0 1 1 ? 2028-2030',
  '0 0 0 1 1 ? 2027/2',
  '0 0 0 29 2 ? 2027',
  '0 0 0 1 * MON',
  '0 0 0 ? * ?',
  '0 0 0 * * *',
  '0 0 0 1,15W * ?',
  '0 0 0 L,15 * ?',
  '0 0 0 ? * MON#1,FRI#3',
  '0 0 0 ? * 6#6',
  '0 0 0 ? * 0',
  '0 0 0 1 1 ? 2100',
]

const quartzTimes = [
  '0 0/20 0 1 * ?',
  '0/20 0 0 1 * ?',
  '0 /20 0 1 * ?',
  '30/45 0 0 1 * ?',
  '0/60 0 0 1 * ?',
  '0 0 22-2 1 * ?',
  '0 0-10/20 0 1 * ?',
  '0 0 0/8 1 * ?',
  '0 0 0/24 1 * ?',
]

const asked = (dialect, windows, expressions) =>
  windows.flatMap((window) => expressions.map((expression) => ({ dialect, expression, ...window })))

export const made = [
  ...asked('VIXIE', changes, clocks),
  ...asked('VIXIE', [calendar], vixieDays),
  ...asked('VIXIE', [short], vixieTimes),
  ...asked('QUARTZ', [calendar], quartzDays),
  ...asked('QUARTZ', [short], quartzTimes),
]

/** Weekdays are written as names, as the libraries do not number them alike in QUARTZ. */
const named = (expression) => !/\?\s.*\s.*\d.*$/.test(expression.replace(/ (19|20)\d\d.*$/, ''))

export const random = [
  ...sample(minuteExpressions, 200, 1).map((one, i) => ({ ...one, ...changes[i % (changes.length - 1)] })),
  ...['VIXIE', 'QUARTZ'].flatMap((dialect) =>
    sample(restrictedDays[dialect], 100, 2).map((days) => ({ dialect, expression: `0 0 0 ${days}`, ...calendar })),
  ),
].filter(({ dialect, expression }) => dialect === 'VIXIE' || named(expression))
