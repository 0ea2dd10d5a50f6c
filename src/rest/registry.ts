/** All dialects. A new one is a folder and a line here. */
import { type BoozlesDeps, createBoozles } from './boozles/dialect.ts'
import type { Dialect } from './dialect.ts'
import { createInformer, type InformerDeps } from './informer/dialect.ts'
import { createKragle, type KragleDeps } from './kragle/dialect.ts'
import { createShareout, type ShareoutDeps } from './shareout/dialect.ts'

export const createDialects = (deps: ShareoutDeps & InformerDeps & KragleDeps & BoozlesDeps): Dialect[] => [
  createShareout(deps),
  createInformer(deps),
  createKragle(deps),
  createBoozles(deps),
]
