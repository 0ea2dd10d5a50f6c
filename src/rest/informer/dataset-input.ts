/** The datasets of a job as Informer's clients give them ↔ as the service takes them. */
import { z } from '@hono/zod-openapi'
import type { JobDatasetInput } from '../../jobs/datasets.ts'
import { ValidationError } from '../../kernel/errors.ts'

const datasetId = z
  .string()
  .min(1, 'must not be empty')
  .describe('UUID, `dat_…`, `{ownerId}:{slug}`, or the slug of one that the owner of the job has.')

const snapshots = z
  .object({
    when: z.enum(['before', 'after'], 'must be before or after').describe('Before or after what a run does.'),
    snapshotDatasets: z.array(datasetId).nullish().describe('Of which datasets; absent: of this one.'),
  })
  .nullish()
  .describe('What a run keeps of datasets.')

export const jobDatasetFields = { datasetId, snapshots }

const entry = z.preprocess(
  (given) => (typeof given === 'string' ? { datasetId: given } : given),
  z.object(jobDatasetFields, 'must be the id of a dataset, or an object with datasetId'),
)

/** `datasets` of a job: alias → id, or `{datasetId, snapshots}`. */
export const jobDatasetsSchema = z
  .record(z.string(), entry)
  .openapi({
    type: 'object',
    additionalProperties: { oneOf: [{ type: 'string' }, { type: 'object' }] },
    example: { sales: 'sales-2024' },
  })
  .describe('Datasets that the job works with: alias → id, or `{datasetId, snapshots: {when, snapshotDatasets}}`.')

export type GivenDatasets = z.output<typeof jobDatasetsSchema>
export type GivenDataset = GivenDatasets[string]

/** For `datasets` of the input of a job. */
export const datasetInputs = (given: GivenDatasets): JobDatasetInput[] =>
  Object.entries(given).map(([alias, each]) => datasetInput(alias, each))

export const datasetInput = (alias: string, { datasetId: dataset, snapshots }: GivenDataset): JobDatasetInput => ({
  alias,
  dataset,
  snapshots: snapshots && {
    when: snapshots.when === 'before' ? 'BEFORE' : 'AFTER',
    datasets: snapshots.snapshotDatasets ?? null,
  },
})

/** `datasets.0.snapshots.datasets.1` → `datasets.sales.snapshots.snapshotDatasets.1`; other paths stay as they are. */
export function datasetPath(path: string, given: GivenDatasets): string {
  const [, index, field = ''] = /^datasets\.(\d+)(?:\.(.*))?$/.exec(path) ?? []
  const alias = index === undefined ? undefined : Object.keys(given)[Number(index)]
  return alias === undefined ? path : ['datasets', alias, fieldOf(field)].filter(Boolean).join('.')
}

/** `dataset` → `datasetId`. */
const fieldOf = (field: string): string => {
  if (field === 'alias') return ''
  return field.replace(/^dataset$/, 'datasetId').replace(/^snapshots\.datasets\b/, 'snapshots.snapshotDatasets')
}

/** What `work` finds wrong with one dataset, in the words of its client: `datasetId: there is no dataset "x"`. */
export async function inTermsOfDataset<Made>(work: () => Promise<Made>): Promise<Made> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error
    throw new ValidationError(error.issues.map((issue) => ({ ...issue, path: termOf(issue.path) })))
  }
}

const termOf = (path: string) => {
  const field = path.replace(/^datasets\.0\.?/, '')
  return field === 'alias' ? field : fieldOf(field)
}
