/** What differs by the API through which a job was made: its defaults, and what its clients can be shown. Pure. */
import { LRUCache } from 'lru-cache'
import type { EndOfLife, Surface } from '../db/generated/prisma/enums.ts'
import { hasFiveFields, isPlainCron } from '../schedules/cron-dialect.ts'
import { leastGap } from '../schedules/least-gap.ts'
import { isOneTime, type Recurrence } from '../schedules/recurrence.ts'
import { LEAST_PERIOD } from '../schedules/shared-spec.ts'
import { informerStepOf } from './informer-step.ts'
import { shareoutConfigOf } from './shareout-actions.ts'
import { POLICY_DEFAULTS, type PolicyDefaults } from './spec.ts'

/** Seconds; longer than any delay between two attempts. */
const NO_CAP = 2 ** 31 - 1

const DEFAULTS: { [surface in Surface]?: Partial<PolicyDefaults> } = {
  INFORMER: { timeoutSeconds: null },
  KRAGLE: { catchUp: 'NONE' },
  SHAREOUT: { backoff: 'FIXED', initialDelay: 300, maxDelay: NO_CAP, jitter: false, retryOn: 'ANY' },
}

/** What a new job has where its input is silent, and what null brings back. */
export const defaultsOf = (surface: Surface): PolicyDefaults => ({ ...POLICY_DEFAULTS, ...DEFAULTS[surface] })

/** Whether only runs of slots are tried again, and none that an event or a hand started. */
export const retriesSlotsOnly = (surface: Surface): boolean => surface === 'SHAREOUT'

/** What becomes of a job with this schedule when that has no more slots and the last run is final. */
export function endOfLifeOf(surface: Surface, recurrence: Recurrence | null): EndOfLife {
  if (surface === 'BOOZLES') return 'DELETE'
  const disables = surface === 'INFORMER' || surface === 'KRAGLE'
  return disables && recurrence && isOneTime(recurrence) ? 'DISABLE' : 'KEEP'
}

/** Whether an interval begins anew whenever a job is enabled or gets another schedule, and a time that is past is no error. */
export const startsAnew = (surface: Surface): boolean => surface === 'KRAGLE'

/** The zone that clients of the surface see. `given` absent: as before; null: the server's. */
export function timezoneOf(
  surface: Surface,
  recurrence: Recurrence | null,
  { given, before, usual }: { given: string | null | undefined; before: string | null; usual: string },
): string | null {
  if (surface !== 'INFORMER') return null
  if (recurrence?.kind === 'CRON') return recurrence.timezone
  return (given === undefined ? before : given) ?? usual
}

/** A job as it would be after a change. `steps` null: those of a stack. */
export type Shape = {
  name: string | null
  recurrence: Recurrence | null
  eventType: string | null
  startOn: Date | null
  endOn: Date | null
  steps: readonly { kind: string; config: unknown }[] | null
  now: Date
}

export const SHAREOUT_EVENTS = ['artifact.updated', 'artifact.viewed', 'comment.added'] as const

/** Why clients of the surface could not be shown a job of this shape; null: they can. */
export function flawOfShape(surface: Surface, shape: Shape): string | null {
  return FLAWS[surface]?.(shape) ?? null
}

function flawForInformer({ name, recurrence, eventType, steps }: Shape): string | null {
  if (name === null) return 'has a name'
  const [first] = steps ?? []
  if (!first) return 'has actions of its own'
  if (informerStepOf(first) === null) return `cannot begin with this ${first.kind}`
  if (eventType) return 'is not started by events'
  return recurrence?.kind === 'CRON' && (recurrence.dialect !== 'VIXIE' || !hasFiveFields(recurrence.expression))
    ? 'has a cron expression of five fields'
    : null
}

function flawForShareout({ recurrence, eventType, startOn, endOn, steps }: Shape): string | null {
  const [step] = steps ?? []
  if (!steps || !step || steps.length !== 1) return 'has exactly one action of its own'
  if (shareoutConfigOf(step) === null) return `has no action like this ${step.kind}`
  if (startOn || endOn) return 'knows no startOn and no endOn'
  if (eventType) {
    const known: readonly string[] = SHAREOUT_EVENTS
    return known.includes(eventType) ? null : `is started by a schedule or by ${SHAREOUT_EVENTS.join(', ')}`
  }
  const isPlain =
    recurrence?.kind === 'CRON' &&
    recurrence.dialect === 'VIXIE' &&
    recurrence.timezone === 'UTC' &&
    isPlainCron(recurrence.expression)
  return isPlain ? null : 'has a cron schedule of five numeric fields in UTC, or is started by an event'
}

function flawForKragle({ recurrence, eventType, startOn, endOn, steps }: Shape): string | null {
  if (eventType) return 'is not started by events'
  if (!recurrence) return 'has a schedule'
  if (startOn || endOn) return 'knows no startOn and no endOn'
  if (steps !== null) return 'does what a stack says'
  if (recurrence.kind === 'CRON') return recurrence.dialect === 'VIXIE' ? null : 'has no cron expression of Quartz'
  return recurrence.kind === 'INTERVAL' && recurrence.seconds < LEAST_PERIOD
    ? `has an interval of at least ${LEAST_PERIOD} s`
    : null
}

/** Seconds that lie between two slots of a cron of theirs, at the least. */
export const BOOZLES_LEAST_GAP = 600

/**
 * Seconds between two slots of a cron of Quartz after now, where they are too few for Boozles; null: they are not.
 * Throws RecurrenceError for what is no such expression.
 */
export function gapTooShort(expression: string, now: Date): number | null {
  const year = now.getUTCFullYear()
  const found = apart.get(expression)
  if (found && found.getUTCFullYear() === year && found <= now) return null
  const gap = leastGap(expression, now)
  if (gap !== null && gap < BOOZLES_LEAST_GAP) return gap
  if (expression.length <= REMEMBERED_LENGTH) apart.set(expression, now)
  return null
}

/** Expressions that do not fire too often after some instant: nor do they later in that year, as no firings are added. */
const apart = new LRUCache<string, Date>({ max: 1_000 })
const REMEMBERED_LENGTH = 200

function flawForBoozles({ recurrence, eventType, startOn, endOn, steps, now }: Shape): string | null {
  if (eventType) return 'is not started by events'
  if (startOn || endOn) return 'knows no startOn and no endOn'
  if (steps?.length !== 1 || steps[0]?.kind !== 'callback') return 'has exactly one action, a callback'
  if (recurrence?.kind === 'ONCE') return null
  if (recurrence?.kind !== 'CRON' || recurrence.dialect !== 'QUARTZ' || recurrence.timezone !== 'UTC') {
    return 'has an instant or a cron expression of Quartz in UTC'
  }
  const gap = gapTooShort(recurrence.expression, now)
  return gap === null ? null : `fires at most every ${BOOZLES_LEAST_GAP} s, and not after ${gap} s`
}

const FLAWS: { [surface in Surface]?: (shape: Shape) => string | null } = {
  SHAREOUT: flawForShareout,
  INFORMER: flawForInformer,
  KRAGLE: flawForKragle,
  BOOZLES: flawForBoozles,
}
