/**
 * Addresses that a step's receiver may report to without a token of anybody's. Each holds a pass: sealed, so that only we
 * can make and read one, and good for one attempt at one step while that lasts.
 */
import { z } from 'zod'
import { createSeal } from '../kernel/seal.ts'

/** `runId`: a UUID. */
export type ReportedStep = { runId: string; attempt: number; position: number }

export type ReportPasses = ReturnType<typeof createReportPasses>

export const REPORTS_PATH = '/reports/'
/** Characters; a longer one is none of ours. */
const LENGTH_LIMIT = 300

const content = z.object({ runId: z.uuid(), attempt: z.int(), position: z.int() })

/** `key`: 32 bytes, the same on every node. `publicUrl`: where those who report reach us. */
export function createReportPasses({ key, publicUrl }: { key: Buffer; publicUrl: string }) {
  const seal = createSeal(key.toString('hex'))
  return {
    urlFor({ runId, attempt, position }: ReportedStep): string {
      const sealed = seal.seal(JSON.stringify({ runId, attempt, position }))
      return publicUrl + REPORTS_PATH + Buffer.from(sealed).toString('base64url')
    },

    /** Null: it is none of ours. */
    open(pass: string): ReportedStep | null {
      if (pass.length > LENGTH_LIMIT) return null
      try {
        return content.parse(JSON.parse(seal.open(Buffer.from(pass, 'base64url'))))
      } catch {
        return null
      }
    },
  }
}
