/** The features of the dialect. A new one is a file and a line here. */
import type { Routes } from '../routing.ts'
import { type DatasetOwnerDeps, datasetOwnerRoutes } from './dataset-owner.ts'
import { type DatasetRowsDeps, datasetRowRoutes } from './dataset-rows.ts'
import { type DatasetsDeps, datasetRoutes } from './datasets.ts'
import { type DraftsDeps, draftRoutes } from './drafts.ts'
import { type FavoritesDeps, favoriteRoutes } from './favorites.ts'
import { type FireTimesDeps, fireTimesRoutes } from './fire-times.ts'
import { type HistoryDeps, historyRoutes } from './history.ts'
import { type JobActionsDeps, jobActionRoutes } from './job-actions.ts'
import { type JobDatasetsDeps, jobDatasetRoutes } from './job-datasets.ts'
import { type JobsDeps, jobRoutes } from './jobs.ts'
import { type JobsListDeps, jobsListRoutes } from './jobs-list.ts'
import { type ListDeps, listRoutes } from './list.ts'
import { type OwnerDeps, ownerRoutes } from './owner.ts'
import { type RunDeps, runRoutes } from './run.ts'
import { type SharesDeps, shareRoutes } from './shares.ts'

/** What the features ask for; each takes its part. */
export type FeatureDeps = DatasetOwnerDeps &
  DatasetRowsDeps &
  DatasetsDeps &
  DraftsDeps &
  FavoritesDeps &
  FireTimesDeps &
  HistoryDeps &
  JobActionsDeps &
  JobDatasetsDeps &
  JobsListDeps &
  JobsDeps &
  ListDeps &
  OwnerDeps &
  RunDeps &
  SharesDeps

export const featuresOf = (deps: FeatureDeps): Routes[] => [
  datasetOwnerRoutes(deps),
  datasetRowRoutes(deps),
  datasetRoutes(deps),
  draftRoutes(deps),
  favoriteRoutes(deps),
  fireTimesRoutes(deps),
  historyRoutes(deps),
  jobActionRoutes(deps),
  jobDatasetRoutes(deps),
  jobsListRoutes(deps),
  jobRoutes(deps),
  listRoutes(deps),
  ownerRoutes(deps),
  runRoutes(deps),
  shareRoutes(deps),
]
