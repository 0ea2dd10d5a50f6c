/**
 * Prisma's query compiler is WebAssembly with a few functions of enormous size, which V8 optimises once they are hot: with
 * tens of MB that the process never gives back. What it compiles is remembered, so the compiler is hardly ever hot again;
 * V8's first, plain code does. To be called before the first query.
 */
import { setFlagsFromString } from 'node:v8'

export function keepWasmPlain(): void {
  setFlagsFromString('--no-wasm-dynamic-tiering')
  setFlagsFromString('--no-wasm-tier-up')
}
