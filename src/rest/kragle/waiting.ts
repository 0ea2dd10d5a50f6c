import type { Log } from '../../kernel/log.ts'
import { currentRequest } from '../../kernel/request.ts'

/** For the log: the end of a run that somebody waits for could not be told. */
export function faultOf(log: Log, runId: string): (error: unknown) => void {
  const requestId = currentRequest.getStore()?.id
  return (err) => log.error({ err, requestId, runId }, 'the end of a run could not be told')
}
