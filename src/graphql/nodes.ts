/** The types that `node` finds, and how: by their UUIDs, through the feature's service, which authorises. */
import type { Context } from './context.ts'

export type LoadNodes = (ids: string[], context: Context) => Promise<(object | null)[]>

export const nodes = new Map<string, LoadNodes>()
