/** The features of the dialect. A new one is a file and a line here. */

import type { Routes } from '../routing.ts'
import { type ArtifactsDeps, artifactRoutes } from './artifacts.ts'
import { type CollaborationDeps, collaborationRoutes } from './collaboration.ts'
import { type DocumentsDeps, documentRoutes } from './documents.ts'
import { type JobsDeps, jobRoutes } from './jobs.ts'
import { type ProfileDeps, profileRoutes } from './profile.ts'
import { type PublishDeps, publishRoutes } from './publish.ts'
import { rowRoutes } from './rows.ts'
import { type TablesDeps, tableRoutes } from './tables.ts'

/** What the features ask for; each takes its part. */
export type FeatureDeps = JobsDeps &
  PublishDeps &
  ArtifactsDeps &
  CollaborationDeps &
  ProfileDeps &
  TablesDeps &
  DocumentsDeps

export const featuresOf = (deps: FeatureDeps): Routes[] => [
  publishRoutes(deps),
  artifactRoutes(deps),
  jobRoutes(deps),
  collaborationRoutes(deps),
  profileRoutes(deps),
  tableRoutes(deps),
  rowRoutes(deps),
  documentRoutes(deps),
]
