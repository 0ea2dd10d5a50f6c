import { z } from 'zod'
import { payload } from '../events/spec.ts'
import { OVERLAP_POLICIES, priority } from '../jobs/spec.ts'
import { LOG_LEVELS } from './reporting.ts'

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

/** Lines that one report may add. */
export const REPORT_LINES = 100

const amount = z.number().min(0, 'must not be negative').nullish()

const line = z.object({ level: z.enum(LOG_LEVELS).default('INFO'), message: z.string() })

const said = z.object({
  progress: z
    .object({
      fraction: z.number().min(0, 'must be from 0 to 1').max(1, 'must be from 0 to 1').nullish(),
      done: amount,
      total: amount,
      message: z.string().nullish(),
    })
    .refine((progress) => Object.values(progress).some((value) => value != null), 'must say something')
    .nullish(),
  logs: z.array(line).max(REPORT_LINES, `must be at most ${REPORT_LINES}`).nullish(),
})

export type Said = z.output<typeof said>

const saysSomething = ({ progress, logs }: Said) => Boolean(progress || logs?.length)
const SAYS_NOTHING = { path: ['progress'], message: 'must be given, or lines of a log' }

/** What is said of a step that is known. */
export const reportSpec = said.refine(saysSomething, SAYS_NOTHING)

export const reportStepSpec = said
  .extend({
    attempt: z.int().min(1, 'must be at least 1').nullish(),
    position: z.int().min(0, 'must not be negative').nullish(),
  })
  .refine(saysSomething, SAYS_NOTHING)

export type ReportStepInput = z.input<typeof reportStepSpec>
export type RunJobInput = z.input<typeof runJobSpec>
export type BackfillInput = z.input<typeof backfillSpec>
