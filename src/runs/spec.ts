import { z } from 'zod'
import { payload } from '../events/spec.ts'
import { OVERLAP_POLICIES, priority } from '../jobs/spec.ts'

/** Runs that one request may cancel or do over. */
export const MANY_LIMIT = 100

export const runJobSpec = z.object({
  payload: payload.optional(),
  overlap: z.enum(OVERLAP_POLICIES).nullish(),
  priority: priority.nullish(),
})

export const backfillSpec = z
  .object({
    from: z.date(),
    to: z.date(),
    onlyMissing: z.boolean().nullish(),
    overlap: z.enum(OVERLAP_POLICIES).nullish(),
    priority: priority.nullish(),
  })
  .refine(({ from, to }) => from < to, { path: ['to'], message: 'must be later than from' })

export const manySpec = z.object({
  limit: z.int().min(1, 'must be at least 1').max(MANY_LIMIT, `must be at most ${MANY_LIMIT}`).nullish(),
})

export type RunJobInput = z.input<typeof runJobSpec>
export type BackfillInput = z.input<typeof backfillSpec>
