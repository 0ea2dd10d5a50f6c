/** JSON lines, pretty on a terminal. Tokens, secrets and payloads are never passed to it. */
import { type DestinationStream, type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

export type Log = Logger

export function createLog(level: string, stream: { isTTY?: boolean } & DestinationStream = process.stdout): Log {
  const base = { level, base: null, timestamp: () => `,"time":"${new Date().toISOString()}"` }
  return pino(
    base,
    stream.isTTY ? pretty({ destination: stream as never, sync: true, translateTime: 'HH:MM:ss.l' }) : stream,
  )
}
