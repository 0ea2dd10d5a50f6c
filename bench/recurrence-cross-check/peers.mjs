/**
 * The other libraries, each brought to one question: the first slot after an instant, for an expression in a dialect and
 * a zone. A library says which dialects it claims; what it throws counts as a refusal.
 */
import { createRequire } from 'node:module'
import { getFutureMatches } from '@datasert/cronjs-matcher'
import { CronTime } from 'cron'
import { CronExpressionParser } from 'cron-parser'
import { Cron } from 'croner'
import { CronosExpression } from 'cronosjs'

const { dependencies } = createRequire(import.meta.url)('./package.json')

/** Beyond this many iterations a library that walks minute by minute gives up. */
const LOOPS = 100_000

export const peers = [
  {
    name: 'cron-parser',
    dialects: ['VIXIE', 'QUARTZ'],
    open: ({ expression, zone, from }) => {
      const iterator = CronExpressionParser.parse(expression, { tz: zone, currentDate: from })
      return () => iterator.next().toDate()
    },
  },
  {
    name: 'cron',
    dialects: ['VIXIE'],
    open: ({ expression, zone, from }) => {
      const time = new CronTime(expression, zone)
      return (after) => time.getNextDateFrom(after ?? from, zone).toJSDate()
    },
  },
  {
    name: 'cronosjs',
    dialects: ['VIXIE', 'QUARTZ'],
    open: ({ expression, zone, from }) => {
      const parsed = CronosExpression.parse(expression, { timezone: zone })
      return (after) => parsed.nextDate(after ?? from)
    },
  },
  {
    name: '@datasert/cronjs-matcher',
    dialects: ['VIXIE', 'QUARTZ'],
    open: ({ expression, zone, from }) => {
      const hasSeconds = expression.trim().split(/\s+/).length > 5
      return (after) => {
        const startAt = new Date((after ?? from).getTime() + 1000).toISOString()
        const options = { timezone: zone, startAt, matchCount: 1, hasSeconds, maxLoopCount: LOOPS }
        const [first] = getFutureMatches(expression, options)
        return first === undefined ? null : new Date(first)
      }
    },
  },
  {
    name: 'croner',
    dialects: ['VIXIE', 'QUARTZ'],
    open: ({ expression, dialect, zone, from }) => {
      const quartz = { mode: '6-or-7-parts', alternativeWeekdays: true, sloppyRanges: true }
      const options = { timezone: zone, paused: true, ...(dialect === 'QUARTZ' ? quartz : { mode: '5-or-6-parts' }) }
      const cron = new Cron(expression, options)
      return (after) => cron.nextRun(after ?? from)
    },
  },
].map((peer) => ({ ...peer, version: dependencies[peer.name] }))
