/** The features of the dialect. A new one is a file and a line here. */
import type { Routes } from '../routing.ts'
import { type DatasetRowsDeps, datasetRowRoutes } from './dataset-rows.ts'
import { type DatasetsDeps, datasetRoutes } from './datasets.ts'
import { type HistoryDeps, historyRoutes } from './history.ts'
import { type JobActionsDeps, jobActionRoutes } from './job-actions.ts'
import { type JobDatasetsDeps, jobDatasetRoutes } from './job-datasets.ts'
import { type JobsDeps, jobRoutes } from './jobs.ts'
import { type RunDeps, runRoutes } from './run.ts'

/** What the features ask for; each takes its part. */
export type FeatureDeps = DatasetRowsDeps & DatasetsDeps & HistoryDeps & JobActionsDeps & JobDatasetsDeps & JobsDeps & RunDeps

export const featuresOf = (deps: FeatureDeps): Routes[] => [
  datasetRowRoutes(deps),
  datasetRoutes(deps),
  historyRoutes(deps),
  jobActionRoutes(deps),
  jobDatasetRoutes(deps),
  jobRoutes(deps),
  runRoutes(deps),
]
