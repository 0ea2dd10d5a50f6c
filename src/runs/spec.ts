import { z } from 'zod'
import { payload } from '../events/spec.ts'

export const runJobSpec = z.object({
  payload: payload.optional(),
  overlap: z.enum(['SKIP', 'QUEUE_ONE', 'QUEUE_ALL', 'ALLOW']).nullish(),
})

export type RunJobInput = z.input<typeof runJobSpec>
