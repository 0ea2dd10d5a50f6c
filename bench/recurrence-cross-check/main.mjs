/**
 * Compares Runsheet's slots with those of other libraries, each expression in a window of a zone's time, and prints every
 * difference with what the tests' oracle says. In this folder: `npm ci`, then `npm start`.
 */
import { nextSlot } from '../../src/schedules/recurrence.ts'
import { clockOf, looks, readExpression, slotsAmong } from '../../test/schedules/oracle.ts'
import { made, random } from './cases.mjs'
import { peers } from './peers.mjs'

/** Of an expression that fires more often, the first ones. */
const MOST = 200

function walk(open, asked) {
  const slots = []
  try {
    const next = open(asked)
    let last
    while (slots.length < MOST) {
      const slot = next(last)
      if (slot === null || slot === undefined || slot > asked.until) break
      if (last && slot <= last) return { slots: [...slots, slot.getTime()], trouble: 'does not rise' }
      slots.push(slot.getTime())
      last = slot
    }
    return { slots }
  } catch (error) {
    return {
      slots,
      trouble: String(error.message ?? error)
        .split('\n')[0]
        .slice(0, 100),
    }
  }
}

const ours = ({ expression, dialect, zone, from }) => {
  const recurrence = { kind: 'CRON', expression, dialect, timezone: zone }
  const grid = { anchor: new Date(0), startOn: null, endOn: null, dstGap: 'RUN_AFTER_GAP' }
  return (after) => nextSlot(recurrence, grid, after ?? from)
}

const second = 1000
const day = 86_400_000
const seen = new Map()

/** By the second where there are seconds, else by the minute; long windows are in UTC and have their slots at midnight. */
function oracle({ expression, dialect, zone, from, until }) {
  const long = until - from > 100 * day
  const hasSeconds = expression.split(' ').length > 5 && !expression.startsWith('0 ')
  const step = long ? day : hasSeconds ? second : 60 * second
  const start = Math.floor(from / step) * step
  const key = [zone, start, until, step].join()
  if (!seen.has(key)) seen.set(key, looks(zone === 'UTC' ? Number : clockOf(zone), start, until.getTime(), step))
  return slotsAmong(seen.get(key), readExpression(expression, dialect), 'RUN_AFTER_GAP').slice(0, MOST)
}

const show = (slots) =>
  slots.length === 0
    ? 'none'
    : slots
        .slice(0, 3)
        .map((slot) => new Date(slot).toISOString().slice(0, 19))
        .join(' ')

const same = (a, b) => a.length === b.length && a.every((slot, i) => slot === b[i])

function difference(mine, theirs) {
  const missing = mine.slots.filter((slot) => !theirs.slots.includes(slot))
  const extra = theirs.slots.filter((slot) => !mine.slots.includes(slot))
  return `lacks ${missing.length}: ${show(missing)} | adds ${extra.length}: ${show(extra)}`
}

const kinds = ['same', 'different', 'refused there', 'refused here', 'refused by both']
for (const [title, cases] of [
  ['made', made],
  ['random', random],
]) {
  const answers = cases.map((asked) => ({ asked, mine: walk(ours, asked) }))
  const wrong = answers.filter(({ asked, mine }) => !mine.trouble && !same(mine.slots, oracle(asked)))
  console.log(`# ${title}: ${cases.length} cases; ours against the oracle: ${wrong.length} differences`)
  for (const { asked } of wrong) console.log(`  WRONG ${asked.dialect} ${asked.expression} ${asked.zone}`)
  for (const peer of peers) {
    const counts = Object.fromEntries(kinds.map((kind) => [kind, 0]))
    const lines = []
    for (const { asked, mine } of answers) {
      if (!peer.dialects.includes(asked.dialect)) continue
      const theirs = walk(peer.open, asked)
      const refusedThere = theirs.trouble !== undefined && theirs.slots.length === 0
      const kind = mine.trouble
        ? refusedThere || theirs.slots.length === 0
          ? 'refused by both'
          : 'refused here'
        : refusedThere
          ? 'refused there'
          : same(mine.slots, theirs.slots)
            ? 'same'
            : 'different'
      counts[kind]++
      if (kind === 'same' || kind === 'refused by both') continue
      const what = kind === 'different' ? difference(mine, theirs) : kind === 'refused here' ? show(theirs.slots) : ''
      const where = `${asked.zone} ${asked.from.toISOString().slice(0, 10)}`
      lines.push(`  ${kind}: ${asked.dialect} \`${asked.expression}\` ${where} ${what} ${theirs.trouble ?? ''}`)
    }
    console.log(`\n## ${peer.name} ${peer.version}: ${kinds.map((kind) => `${counts[kind]} ${kind}`).join(', ')}`)
    console.log(lines.join('\n'))
  }
}
