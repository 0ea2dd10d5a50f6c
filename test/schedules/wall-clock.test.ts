import { expect, it } from 'vitest'
import { readWall } from '../../src/schedules/wall-clock.ts'
import { zoneOf } from '../../src/schedules/zones.ts'

const hour = 3_600_000

/** A wall time is written as though it were UTC. */
const read = (zone: string, wall: string) => {
  const { instants, shift } = readWall(zoneOf(zone), Date.parse(`${wall}Z`))
  const text = (ms: number) => new Date(ms).toISOString().slice(0, 19)
  const change = shift && { at: text(shift.at), from: text(shift.from), to: text(shift.to) }
  return { instants: instants.map(text), shift: change }
}

it('reads an ordinary wall time as one instant, also within a day of a change', () => {
  expect(read('America/New_York', '2027-07-01T12:00:00')).toEqual({ instants: ['2027-07-01T16:00:00'], shift: null })
  expect(read('America/New_York', '2027-03-14T01:59:59')).toEqual({ instants: ['2027-03-14T06:59:59'], shift: null })
  expect(read('America/New_York', '2027-03-14T03:00:00')).toEqual({ instants: ['2027-03-14T07:00:00'], shift: null })
  expect(read('UTC', '2027-03-14T02:30:00')).toEqual({ instants: ['2027-03-14T02:30:00'], shift: null })
})

it.each(['02:00:00', '02:00:01', '02:17:23', '02:30:00', '02:59:59'])(
  'finds the gap to the second from %s within it',
  (time) => {
    expect(read('America/New_York', `2027-03-14T${time}`)).toEqual({
      instants: [],
      shift: { at: '2027-03-14T07:00:00', from: '2027-03-14T02:00:00', to: '2027-03-14T03:00:00' },
    })
  },
)

it.each(['01:00:00', '01:00:01', '01:17:23', '01:30:00', '01:59:59'])(
  'finds the overlap to the second from %s within it',
  (time) => {
    expect(read('America/New_York', `2027-11-07T${time}`)).toEqual({
      instants: [`2027-11-07T05${time.slice(2)}`, `2027-11-07T06${time.slice(2)}`],
      shift: { at: '2027-11-07T06:00:00', from: '2027-11-07T01:00:00', to: '2027-11-07T02:00:00' },
    })
  },
)

it('knows gaps of half an hour, of a day, and of odd seconds', () => {
  expect(read('Australia/Lord_Howe', '2027-10-03T02:15:00').shift).toMatchObject({ to: '2027-10-03T02:30:00' })
  expect(read('Pacific/Apia', '2011-12-30T23:59:59').shift).toMatchObject({
    from: '2011-12-30T00:00:00',
    to: '2011-12-31T00:00:00',
  })
  expect(read('Africa/Monrovia', '1972-01-07T00:30:00').shift).toEqual({
    at: '1972-01-07T00:44:30',
    from: '1972-01-07T00:00:00',
    to: '1972-01-07T00:44:30',
  })
})

it('says what the clocks were ahead of UTC on either side of a change', () => {
  const { shift } = readWall(zoneOf('Europe/Berlin'), Date.parse('2027-10-31T02:30:00Z'))
  expect(shift).toMatchObject({ before: 2 * hour, after: hour })
})
