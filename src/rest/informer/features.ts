/** The features of the dialect. A new one is a file and a line here. */
import type { Routes } from '../routing.ts'
import { type DatasetRowsDeps, datasetRowRoutes } from './dataset-rows.ts'
import { type DatasetsDeps, datasetRoutes } from './datasets.ts'
import { fireTimesRoutes } from './fire-times.ts'
import { type HistoryDeps, historyRoutes } from './history.ts'
import { type JobActionsDeps, jobActionRoutes } from './job-actions.ts'
import { type JobDatasetsDeps, jobDatasetRoutes } from './job-datasets.ts'
import { type JobsDeps, jobRoutes } from './jobs.ts'
import { type RunDeps, runRoutes } from './run.ts'

/** What the features ask for; each takes its part. */
export type FeatureDeps = JobsDeps &
  JobDatasetsDeps &
  JobActionsDeps &
  DatasetsDeps &
  DatasetRowsDeps &
  RunDeps &
  HistoryDeps

export const featuresOf = (deps: FeatureDeps): Routes[] => [
  jobRoutes(deps),
  jobDatasetRoutes(deps),
  jobActionRoutes(deps),
  datasetRoutes(deps),
  datasetRowRoutes(deps),
  runRoutes(deps),
  historyRoutes(deps),
  fireTimesRoutes(deps),
]
