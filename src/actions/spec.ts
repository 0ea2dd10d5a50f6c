import { z } from 'zod'

/** What a step is called in templates: `{{ steps.fetch.status }}`. */
export const stepName = z
  .string()
  .max(50, 'must have at most 50 characters')
  .regex(/^[A-Za-z][A-Za-z0-9_-]*$/, 'must be a letter, then letters, digits, _ and -')
  .describe('What later steps call it by, `{{ steps.<name>.… }}`, unique among the steps. Absent: its kind.')

/** In the place of a dataset's name: all that the job has by names of its own. */
export const ALL_DATASETS = '*'
