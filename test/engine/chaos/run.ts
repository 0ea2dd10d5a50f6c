/** The same chaos for as long as is wanted: `node --import tsx test/engine/chaos/run.ts --seconds 600 --seed 1`. */
import { parseArgs } from 'node:util'
import { runChaos } from './chaos.ts'

const { values } = parseArgs({ options: { seconds: { type: 'string' }, seed: { type: 'string' } } })
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const seed = Number(values.seed ?? Date.now() % 1_000_000)
console.log(`seed ${seed}`)
const { faults, toll, figures } = await runChaos({ seed, seconds: Number(values.seconds ?? 60) })
console.table({ ...toll, ...figures })
for (const fault of faults) console.log(`FAULT: ${fault}`)
console.log(faults.length === 0 ? 'nothing lost, nothing twice' : `${faults.length} faults`)
process.exitCode = faults.length === 0 ? 0 : 1
