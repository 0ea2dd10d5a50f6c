import type { z } from 'zod'
import { ValidationError } from './errors.ts'

/** The input in its parsed form, or a ValidationError whose paths lead to every field that is wrong. */
export function validate<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  throw new ValidationError(parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message })))
}
