/** The features of the dialect. A new one is a file and a line here. */
import type { Routes } from '../routing.ts'
import { type AuthenticateDeps, authenticateRoutes } from './authenticate.ts'
import { type ExecDeps, execRoutes } from './exec.ts'
import { type HookDeps, hookRoutes } from './hook.ts'
import { type JobsDeps, jobRoutes } from './jobs.ts'
import { type SchedulesDeps, scheduleRoutes } from './schedules.ts'
import { type StacksDeps, stackRoutes } from './stacks.ts'

/** What the features ask for; each takes its part. */
export type FeatureDeps = AuthenticateDeps & ExecDeps & HookDeps & JobsDeps & SchedulesDeps & StacksDeps

export const featuresOf = (deps: FeatureDeps): Routes[] => [
  authenticateRoutes(deps),
  execRoutes(deps),
  hookRoutes(deps),
  jobRoutes(deps),
  scheduleRoutes(deps),
  stackRoutes(deps),
]
