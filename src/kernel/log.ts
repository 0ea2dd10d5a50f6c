/** JSON lines, pretty on a terminal. Tokens, secrets and payloads are never passed to it. */
import { type DestinationStream, type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

export type Log = Logger

export function createLog(level: string, stream: { isTTY?: boolean } & DestinationStream = process.stdout): Log {
  const base = { level, base: null, timestamp: createTimestamp() }
  return pino(
    base,
    stream.isTTY ? pretty({ destination: stream as never, sync: true, translateTime: 'HH:MM:ss.l' }) : together(stream),
  )
}

/** The lines of one turn of the event loop are written at once: under load, writing each costs as much as answering. */
function together(stream: DestinationStream): DestinationStream {
  let lines = ''
  function flush() {
    if (!lines) return
    const written = lines
    lines = ''
    process.off('exit', flush)
    stream.write(written)
  }
  return {
    write(line) {
      if (!lines) {
        setImmediate(flush)
        // Whatever ends the process, short of a signal that cannot be caught, is in the log.
        process.on('exit', flush)
      }
      lines += line
    },
  }
}

/** The text of an instant is made once, however many lines are of it. */
function createTimestamp(): () => string {
  let at = 0
  let text = ''
  return () => {
    const now = Date.now()
    if (now !== at) {
      at = now
      text = `,"time":"${new Date(now).toISOString()}"`
    }
    return text
  }
}
