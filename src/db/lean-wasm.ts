/**
 * Prisma's query compiler is WebAssembly, and V8 optimises its hot functions by as many tasks at once as there are, each
 * with memory of its own that the process never gives back: 50 MB more than with one task at a time. To be called before
 * the first query.
 */
import { setFlagsFromString } from 'node:v8'

export const compileOneByOne = (): void => setFlagsFromString('--wasm-num-compilation-tasks=1')
