/** Steps that end before they reach out to anybody; the same again would end the same way. */
import { type Issue, ValidationError } from '../kernel/errors.ts'
import type { StepResult } from './driver.ts'

export const failed = (code: string, message: string): StepResult => ({
  ok: false,
  failure: { code, message, transient: false },
  deliveries: [],
})

/** A configuration that, with its templates filled in, is none. */
export const unfit = (issues: Issue[]): StepResult => failed('CONFIG', new ValidationError(issues).message)
