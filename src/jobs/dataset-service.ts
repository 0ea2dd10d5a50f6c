/** The datasets of jobs, one by one. A change of them is one of the job: under its row lock, and a version more. */
import type { DatasetPort } from '../actions/ports.ts'
import type { JobDataset, PrismaClient } from '../db/generated/prisma/client.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ConflictError, NotFoundError } from '../kernel/errors.ts'
import { changeJob } from './change.ts'
import {
  type JobDatasetInput,
  type JobDatasetRow,
  parseDatasets,
  requireFew,
  requireScopes,
  setDatasets,
} from './datasets.ts'
import type { JobEditing } from './edit.ts'

export const noSuchAlias = () => new NotFoundError('the job has no dataset of this alias')

export function createJobDatasets(deps: { prisma: PrismaClient; datasets: DatasetPort; editing: JobEditing }) {
  const { prisma, datasets: port } = deps
  const { requireJob, requireTrust } = deps.editing

  async function parse(viewer: Viewer, jobId: string, input: JobDatasetInput): Promise<JobDatasetRow> {
    const job = await requireJob(viewer, jobId)
    const subject = { ownerId: await requireTrust(viewer, job), artifactId: job.artifactId }
    const [row] = await parseDatasets(port, subject, [input])
    if (!row) throw noSuchAlias()
    requireScopes(viewer, [row])
    return row
  }

  /** `edit`: of the datasets that the job has then, in order, those that it is to have. */
  async function change(jobId: string, edit: (rows: JobDatasetRow[]) => JobDatasetRow[]): Promise<JobDatasetRow[]> {
    let edited: JobDatasetRow[] = []
    await changeJob(prisma, jobId, async (tx) => {
      const known = await tx.jobDataset.findMany({ where: { jobId }, omit: { jobId: true }, orderBy: BY_POSITION })
      edited = edit(known).map((row, position) => ({ ...row, position }))
      requireFew(edited)
      await setDatasets(tx, jobId, edited)
      return {}
    })
    return edited
  }

  const named = (rows: readonly JobDatasetRow[], alias: string): JobDatasetRow => {
    const row = rows.find((each) => each.alias === alias)
    if (!row) throw noSuchAlias()
    return row
  }

  return {
    /** In the order of the jobs, which the viewer may read; each in the order of its positions. */
    async datasetsOf(jobIds: readonly string[]): Promise<JobDataset[][]> {
      const found = await prisma.jobDataset.findMany({ where: { jobId: { in: [...jobIds] } }, orderBy: BY_POSITION })
      const byJob = new Map(jobIds.map((id) => [id, [] as JobDataset[]]))
      for (const row of found) byJob.get(row.jobId)?.push(row)
      return jobIds.map((id) => byJob.get(id) ?? [])
    },

    /**
     * Behind those that the job has.
     * @throws ConflictError ALIAS_TAKEN; ValidationError with paths such as `datasets.0.dataset`
     */
    async addDataset(viewer: Viewer, jobId: string, input: JobDatasetInput): Promise<JobDatasetRow> {
      const row = await parse(viewer, jobId, input)
      const rows = await change(jobId, (known) => {
        if (known.some(({ alias }) => alias === row.alias)) {
          throw new ConflictError('the job has a dataset of this alias already', 'ALIAS_TAKEN')
        }
        return [...known, row]
      })
      return named(rows, row.alias)
    },

    /** Another dataset, or other snapshots, in the place of what the job has by the alias; `input` may name it anew. */
    async setDataset(viewer: Viewer, jobId: string, alias: string, input: JobDatasetInput): Promise<JobDatasetRow> {
      const row = await parse(viewer, jobId, input)
      const rows = await change(jobId, (known) => {
        const before = named(known, alias)
        if (row.alias !== alias && known.some((each) => each.alias === row.alias)) {
          throw new ConflictError('the job has a dataset of this alias already', 'ALIAS_TAKEN')
        }
        return known.map((each) => (each === before ? row : each))
      })
      return named(rows, row.alias)
    },

    async removeDataset(viewer: Viewer, jobId: string, alias: string): Promise<void> {
      await requireJob(viewer, jobId)
      await change(jobId, (known) => {
        const gone = named(known, alias)
        return known.filter((each) => each !== gone)
      })
    },
  }
}

const BY_POSITION = { position: 'asc' } as const
