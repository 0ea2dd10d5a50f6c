/** The features of the dialect. A new one is a file and a line here. */
import type { Routes } from '../routing.ts'
import { type HistoryDeps, historyRoutes } from './history.ts'
import { type JobsDeps, jobRoutes } from './jobs.ts'
import { type RunDeps, runRoutes } from './run.ts'

/** What the features ask for; each takes its part. */
export type FeatureDeps = JobsDeps & RunDeps & HistoryDeps

export const featuresOf = (deps: FeatureDeps): Routes[] => [jobRoutes(deps), runRoutes(deps), historyRoutes(deps)]
