/** Datasets that a job works with, by names of its own, and which of them a run keeps before or after its steps. */
import { z } from 'zod'
import { noSuchDataset } from '../actions/dataset-refs.ts'
import type { DatasetPort, Subject } from '../actions/ports.ts'
import type { JobDataset, Prisma } from '../db/generated/prisma/client.ts'
import { requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ValidationError } from '../kernel/errors.ts'
import { text } from '../kernel/storable.ts'
import { validate } from '../kernel/validate.ts'

/** Of one job. */
const DATASETS_LIMIT = 20
const REF_LIMIT = 200

const ref = text(REF_LIMIT).min(1, 'must not be empty')

const jobDatasetSpec = z.object({
  alias: text(REF_LIMIT).min(1, 'must not be empty'),
  dataset: ref,
  snapshots: z
    .object({
      when: z.enum(['BEFORE', 'AFTER']),
      /** Absent: the dataset itself. */
      datasets: z.array(ref).max(DATASETS_LIMIT, `must be at most ${DATASETS_LIMIT}`).nullish(),
    })
    .nullish(),
})

const listSpec = z.object({
  datasets: z.array(jobDatasetSpec).max(DATASETS_LIMIT, `must be at most ${DATASETS_LIMIT}`),
})

/** `dataset`: a reference as actions take it. */
export type JobDatasetInput = z.input<typeof jobDatasetSpec>

export type JobDatasetRow = Omit<JobDataset, 'jobId'>

/**
 * Rows of the datasets, checked: each is there for the owner of the job, and may be changed if snapshots are kept of it.
 * @throws ValidationError with paths such as `datasets.0.dataset`
 */
export async function parseDatasets(
  port: DatasetPort,
  subject: Subject,
  inputs: readonly JobDatasetInput[],
): Promise<JobDatasetRow[]> {
  const { datasets } = validate(listSpec, { datasets: inputs })
  const aliases = datasets.map(({ alias }) => alias)
  const repeated = aliases.findIndex((alias, index) => aliases.indexOf(alias) < index)
  if (repeated >= 0) throw ValidationError.at(`datasets.${repeated}.alias`, 'is named twice')
  const rows: JobDatasetRow[] = []
  for (const [position, { alias, dataset, snapshots }] of datasets.entries()) {
    const at = `datasets.${position}`
    const datasetId = await idOf(port, subject, dataset, 'read', `${at}.dataset`)
    const kept: string[] = []
    for (const [index, each] of (snapshots ? (snapshots.datasets ?? [dataset]) : []).entries()) {
      kept.push(await idOf(port, subject, each, 'write', `${at}.snapshots.datasets.${index}`))
    }
    rows.push({ alias, datasetId, position, snapshotWhen: snapshots?.when ?? null, snapshotDatasets: kept })
  }
  requireFew(rows)
  return rows
}

/** @throws ValidationError when they are more than a job may have, or keep before or after its steps */
export function requireFew(rows: readonly JobDatasetRow[]): void {
  if (rows.length > DATASETS_LIMIT) throw ValidationError.at('datasets', `must be at most ${DATASETS_LIMIT}`)
  for (const when of ['BEFORE', 'AFTER'] as const) {
    const kept = new Set(rows.flatMap((row) => (row.snapshotWhen === when ? row.snapshotDatasets : [])))
    if (kept.size > DATASETS_LIMIT) throw ValidationError.at('datasets', `may keep at most ${DATASETS_LIMIT} datasets`)
  }
}

/**
 * A job may mail its datasets to whomever.
 * @throws ForbiddenError when the token could not read them itself, or not keep snapshots
 */
export function requireScopes(viewer: Viewer, rows: readonly JobDatasetRow[]): void {
  if (rows.length > 0) requireScope(viewer, 'data:read')
  if (rows.some(({ snapshotWhen }) => snapshotWhen)) requireScope(viewer, 'data:write')
}

async function idOf(port: DatasetPort, subject: Subject, given: string, right: 'read' | 'write', path: string) {
  const found = await port.find(subject, given, right)
  if (!found) throw ValidationError.at(path, noSuchDataset(given))
  return found.id
}

/** What a client would say to get this row. */
export const inputOf = ({ alias, datasetId, snapshotWhen, snapshotDatasets }: JobDatasetRow): JobDatasetInput => ({
  alias,
  dataset: datasetId,
  ...(snapshotWhen && { snapshots: { when: snapshotWhen, datasets: snapshotDatasets } }),
})

/** The id of each dataset, by the name that the job has for it. */
export const aliasesOf = (rows: readonly Pick<JobDatasetRow, 'alias' | 'datasetId'>[]): Record<string, string> =>
  Object.fromEntries(rows.map(({ alias, datasetId }) => [alias, datasetId]))

/** Puts these, and no others, on a job. The caller holds the job's row. */
export async function setDatasets(
  tx: Prisma.TransactionClient,
  jobId: string,
  rows: readonly JobDatasetRow[],
): Promise<void> {
  await tx.jobDataset.deleteMany({ where: { jobId } })
  await tx.jobDataset.createMany({ data: rows.map((row) => ({ ...row, jobId })) })
}
