import { z } from 'zod'
import { asStep, datasetsField, listIssues, requireDataset } from '../dataset-refs.ts'
import type { ActionKind, Driver, DriverDeps } from '../driver.ts'

const MAX_KEPT = 1_000_000

const config = z.object({
  datasets: datasetsField,
  keep: z.int().min(0).max(MAX_KEPT).describe('How many of the newest snapshots of each dataset stay.'),
})

export type SnapshotCleanupConfig = z.output<typeof config>

export const snapshotCleanup = {
  kind: 'snapshotCleanup',
  description: 'Deletes old snapshots of datasets.',
  config,
  scopes: () => ['data:write'],
  create: createSnapshotCleanupDriver,
} satisfies ActionKind<SnapshotCleanupConfig>

export function createSnapshotCleanupDriver({ datasets }: Pick<DriverDeps, 'datasets'>): Driver<SnapshotCleanupConfig> {
  return {
    config,
    check: (config, subject) => listIssues(datasets, subject, config.datasets),
    execute: ({ keep, ...config }, { subject }) =>
      asStep(async () => {
        let deleted = 0
        for (const ref of config.datasets) {
          deleted += await datasets.prune(await requireDataset(datasets, subject, ref, 'write'), keep)
        }
        return { ok: true, output: { deleted }, deliveries: [] }
      }),
  }
}
