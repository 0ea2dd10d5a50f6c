/** The features of the dialect. A new one is a file and a line here. */
import type { Log } from '../../kernel/log.ts'
import type { Routes } from './router.ts'

/** What the features ask for; each takes its part. */
export type FeatureDeps = { log: Log }

export const featuresOf = (_deps: FeatureDeps): Routes[] => []
