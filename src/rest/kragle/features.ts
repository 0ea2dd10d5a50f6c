/** The features of the dialect. A new one is a file and a line here. */
import type { Routes } from '../routing.ts'
import { type AuthenticateDeps, authenticateRoutes } from './authenticate.ts'
import { type JobsDeps, jobRoutes } from './jobs.ts'
import { type SchedulesDeps, scheduleRoutes } from './schedules.ts'

/** What the features ask for; each takes its part. */
export type FeatureDeps = AuthenticateDeps & JobsDeps & SchedulesDeps

export const featuresOf = (deps: FeatureDeps): Routes[] => [
  authenticateRoutes(deps),
  jobRoutes(deps),
  scheduleRoutes(deps),
]
