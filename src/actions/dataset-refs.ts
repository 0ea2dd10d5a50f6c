/** Datasets as configurations name them. */
import { z } from 'zod'
import type { Issue } from '../kernel/errors.ts'
import { text } from '../kernel/storable.ts'
import type { Failure, StepResult } from './driver.ts'
import { type DatasetPort, type DatasetRef, EffectError, type Subject } from './ports.ts'

const MAX_REF_CHARS = 200
/** Of one action. */
const MAX_DATASETS = 20

export const datasetRef = text(MAX_REF_CHARS).min(1, 'must not be empty')

export const REF_HELP = '`dat_…`, the name of a dataset of the artifact, or the slug of one that is on no artifact.'

export const datasetsField = z
  .array(datasetRef)
  .min(1, 'must name at least one')
  .max(MAX_DATASETS, `must be at most ${MAX_DATASETS}`)
  .describe(`1 to ${MAX_DATASETS} datasets: each ${REF_HELP}`)

export const noSuchDataset = (ref: string) =>
  `there is no dataset ${JSON.stringify(ref)} that the owner of the job may use`

/** @throws EffectError */
export async function requireDataset(
  datasets: DatasetPort,
  subject: Subject,
  ref: string,
  right: 'read' | 'write',
): Promise<DatasetRef> {
  const found = await datasets.find(subject, ref, right)
  if (!found) throw new EffectError('NO_SUCH_DATASET', noSuchDataset(ref))
  return found
}

/** Of a list `datasets`, to be changed: each must be there, and be named once. */
export async function listIssues(datasets: DatasetPort, subject: Subject, refs: readonly string[]): Promise<Issue[]> {
  const found = await Promise.all(refs.map((ref) => datasets.find(subject, ref, 'write')))
  const ids = found.map((each) => each?.id)
  return refs.flatMap((ref, index) => {
    const path = `datasets.${index}`
    if (!found[index]) return [{ path, message: noSuchDataset(ref) }]
    return ids.indexOf(ids[index]) < index ? [{ path, message: 'is named twice' }] : []
  })
}

/** What cannot be had, as the failure of a step; anything else is thrown on. */
export function failureOfEffect(error: unknown): Failure {
  if (error instanceof EffectError) return { code: error.code, message: error.message, transient: false }
  throw error
}

/** A step that only has effects: what `work` answers is its output. */
export async function asStep(work: () => Promise<StepResult & { ok: true }>): Promise<StepResult> {
  try {
    return await work()
  } catch (error) {
    return { ok: false, failure: failureOfEffect(error), deliveries: [] }
  }
}
