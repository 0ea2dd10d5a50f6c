import { z } from 'zod'
import { formatId } from '../../kernel/ids.ts'
import { asStep, datasetsField, listIssues, requireDataset } from '../dataset-refs.ts'
import type { ActionKind, Driver, DriverDeps } from '../driver.ts'

const config = z.object({ datasets: datasetsField })

export type SnapshotConfig = z.output<typeof config>

export const snapshot = {
  kind: 'snapshot',
  description: 'Keeps the rows of datasets as they are.',
  config,
  scopes: () => ['data:write'],
  create: createSnapshotDriver,
} satisfies ActionKind<SnapshotConfig>

export function createSnapshotDriver({ datasets }: Pick<DriverDeps, 'datasets'>): Driver<SnapshotConfig> {
  return {
    config,
    check: (config, subject) => listIssues(datasets, subject, config.datasets),
    execute: (config, { subject, effect, report }) =>
      asStep(async () => {
        const snapshots = []
        const total = config.datasets.length
        for (const ref of config.datasets) {
          const dataset = await requireDataset(datasets, subject, ref, 'write')
          const { id, rows } = await datasets.snapshot(dataset, { effect })
          snapshots.push({ dataset: formatId('Dataset', dataset.id), id, rows })
          if (total > 1) report.progress({ done: snapshots.length, total, message: 'datasets kept' })
        }
        return { ok: true, output: { snapshots }, deliveries: [] }
      }),
  }
}
