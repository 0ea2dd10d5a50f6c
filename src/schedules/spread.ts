/**
 * A job's place within its spread, in milliseconds from 0 up to (not including) `spread` seconds: drawn from the random
 * end of its id, so it is the same on every node and for ever, and many jobs lie evenly.
 */
export function spreadOffsetMs(jobId: string, spread: number): number {
  const share = Number.parseInt(jobId.slice(-8), 16) / 2 ** 32
  return Math.floor(share * spread * 1000)
}
