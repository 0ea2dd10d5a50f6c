/** A receiver for as long as it is needed, and what its calls say. */
import { percentile } from '../kit/numbers.ts'
import { type Receiver, startReceiver } from './receiver.ts'

export async function withReceiver<Result>(use: (receiver: Receiver) => Promise<Result>): Promise<Result> {
  const receiver = await startReceiver()
  try {
    return await use(receiver)
  } finally {
    await receiver.end()
  }
}

/** From the first call to the last, a second. */
export async function callsPerSecond(receiver: Receiver, count: number, giveUpMs: number): Promise<number> {
  const times = (await receiver.calls(count, giveUpMs)).sort((a, b) => a - b)
  return (times.length - 1) / (((times.at(-1) ?? Number.NaN) - (times[0] ?? Number.NaN)) / 1000)
}

/** How long after `at` the calls of `count` jobs came; what so few came that it cannot be told is left out. Milliseconds. */
export async function delaysAfter(receiver: Receiver, at: number, count: number, giveUpMs: number) {
  const delays = (await receiver.calls(count, giveUpMs)).map((time) => time - at)
  const missing = Array.from({ length: count - delays.length }, () => Number.POSITIVE_INFINITY)
  const all = { first: 0, p50: 50, p99: 99 }
  const told = Object.entries(all).map(([key, percent]) => [key, percentile([...delays, ...missing], percent)] as const)
  return Object.fromEntries(told.filter(([, value]) => Number.isFinite(value)))
}
