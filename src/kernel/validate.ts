import type { z } from 'zod'
import { type Issue, ValidationError } from './errors.ts'

/** The input in its parsed form, or a ValidationError whose paths lead to every field that is wrong. */
export function validate<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  throw new ValidationError(parsed.error.issues.map(issueOf))
}

const issueOf = ({ path, message, ...issue }: z.core.$ZodIssue): Issue => ({
  ...{ path: path.join('.'), message },
  ...(issue.code === 'custom' && issue.params?.limit === true && { limit: true }),
})
