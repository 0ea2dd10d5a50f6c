import { createRequire } from 'node:module'

/** From package.json, which lies two levels up in `src` and in `dist` alike. */
export const VERSION: string = createRequire(import.meta.url)('../../package.json').version
