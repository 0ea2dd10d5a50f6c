/** The features of the dialect. A new one is a file and a line here. */
import type { Routes } from '../routing.ts'
import { type JobsDeps, jobRoutes } from './jobs.ts'
import { type JobsListDeps, jobsListRoutes } from './jobs-list.ts'
import { type ListDeps, listRoutes } from './list.ts'

/** What the features ask for; each takes its part. */
export type FeatureDeps = JobsDeps & ListDeps & JobsListDeps

export const featuresOf = (deps: FeatureDeps): Routes[] => [jobRoutes(deps), listRoutes(deps), jobsListRoutes(deps)]
