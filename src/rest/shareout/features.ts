/** The features of the dialect. A new one is a file and a line here. */
import { type ArtifactsDeps, artifactRoutes } from './artifacts.ts'
import { type JobsDeps, jobRoutes } from './jobs.ts'
import { type PublishDeps, publishRoutes } from './publish.ts'
import type { Routes } from './router.ts'

/** What the features ask for; each takes its part. */
export type FeatureDeps = JobsDeps & PublishDeps & ArtifactsDeps

export const featuresOf = (deps: FeatureDeps): Routes[] => [publishRoutes(deps), artifactRoutes(deps), jobRoutes(deps)]
