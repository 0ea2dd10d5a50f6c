/** All dialects, each in all its forms. A new one is a file and a line here. */
import { boozles } from './boozles.ts'
import { informer } from './informer.ts'
import { kragle } from './kragle.ts'
import { shareout } from './shareout.ts'
import type { Speech } from './speech.ts'

export const speeches: readonly Speech[] = [shareout, informer, ...kragle, ...boozles]
