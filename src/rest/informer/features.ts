/** The features of the dialect. A new one is a file and a line here. */
import type { Routes } from '../routing.ts'
import { fireTimesRoutes } from './fire-times.ts'
import { type JobsDeps, jobRoutes } from './jobs.ts'

/** What the features ask for; each takes its part. */
export type FeatureDeps = JobsDeps

export const featuresOf = (deps: FeatureDeps): Routes[] => [jobRoutes(deps), fireTimesRoutes(deps)]
