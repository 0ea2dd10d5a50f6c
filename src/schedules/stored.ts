/** A recurrence as it is stored: exactly the columns of its kind are set. */
import type { Recurrence } from './recurrence.ts'

export type StoredSchedule = {
  kind: Recurrence['kind']
  expression: string | null
  dialect: 'VIXIE' | 'QUARTZ' | null
  timezone: string | null
  intervalSeconds: number | null
  once: boolean
  at: Date | null
}

const none = { expression: null, dialect: null, timezone: null, intervalSeconds: null, once: false, at: null }

export function storedOf(recurrence: Recurrence): StoredSchedule {
  if (recurrence.kind === 'CRON') return { ...none, ...recurrence }
  if (recurrence.kind === 'INTERVAL') {
    const { seconds, once = false } = recurrence
    return { ...none, kind: 'INTERVAL', intervalSeconds: seconds, once }
  }
  return { ...none, ...recurrence }
}

export function recurrenceOf(stored: StoredSchedule): Recurrence {
  const { kind, expression, dialect, timezone, intervalSeconds, once, at } = stored
  if (kind === 'CRON' && expression && dialect && timezone) return { kind, expression, dialect, timezone }
  if (kind === 'INTERVAL' && intervalSeconds) return { kind, seconds: intervalSeconds, ...(once && { once }) }
  if (kind === 'ONCE' && at) return { kind, at }
  throw new Error(`a schedule of kind ${kind} lacks its columns`)
}
