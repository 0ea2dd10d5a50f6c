/** What a shared schedule may look like. */
import { z } from 'zod'
import { ValidationError } from '../kernel/errors.ts'
import { text } from '../kernel/storable.ts'
import type { Recurrence } from './recurrence.ts'
import type { ScheduleInput } from './spec.ts'

const NAME_LIMIT = 200

/** Seconds from slot to slot. */
export const LEAST_PERIOD = 60

export const sharedScheduleSpec = z.object({ name: z.string().trim().pipe(text(NAME_LIMIT)).nullish() })

/** `once`: whether it has one slot; absent: an instant has, and nothing else. */
export type SharedScheduleInput = {
  name?: string | null | undefined
  schedule: ScheduleInput
  once?: boolean | undefined
}

/** What is absent stays as it is; `once` where a period follows a period. `version`: the one that the caller has seen. */
export type SharedScheduleChange = Partial<SharedScheduleInput> & { version?: number | null | undefined }

/** @throws ValidationError for a recurrence that cannot be so */
export function withOnce(recurrence: Recurrence, once: boolean | undefined): Recurrence {
  if (recurrence.kind === 'INTERVAL') {
    if (recurrence.seconds < LEAST_PERIOD) throw ValidationError.at('schedule', `must be at least ${LEAST_PERIOD} s`)
    return { kind: 'INTERVAL', seconds: recurrence.seconds, ...(once && { once }) }
  }
  if (recurrence.kind === 'CRON' && once) throw ValidationError.at('once', 'an expression has more than one slot')
  if (recurrence.kind === 'ONCE' && once === false) throw ValidationError.at('once', 'an instant has one slot only')
  return recurrence
}
