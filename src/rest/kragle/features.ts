/** The features of the dialect. A new one is a file and a line here. */
import type { Routes } from '../routing.ts'
import { type AuthenticateDeps, authenticateRoutes } from './authenticate.ts'

/** What the features ask for; each takes its part. */
export type FeatureDeps = AuthenticateDeps

export const featuresOf = (deps: FeatureDeps): Routes[] => [authenticateRoutes(deps)]
