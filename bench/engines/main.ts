/**
 * Engines side by side: `npm --prefix bench run engines`, or some of its parts: `… run engines -- throughput latency takeover`.
 */
import { compareLatency } from './latency.ts'
import { compareTakeover } from './takeover.ts'
import { compareThroughput } from './throughput.ts'

const parts: Record<string, () => Promise<void>> = {
  throughput: compareThroughput,
  latency: compareLatency,
  takeover: compareTakeover,
}

const asked = process.argv.slice(2)
for (const [name, run] of Object.entries(parts)) if (asked.length === 0 || asked.includes(name)) await run()
