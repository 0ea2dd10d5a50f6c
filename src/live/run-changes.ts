/** Jobs that show something else because of their runs: a next slot, a last run. The log tells, so nobody need write more. */
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import { isTerminal } from '../runs/states.ts'
import type { ChangeSource } from './change-reader.ts'
import type { Feed } from './feed.ts'
import type { FeedEvent, LogReader } from './log-reader.ts'

/** Until the log is followed again that could not be followed. */
const RETRY_MS = 1_000

export function createRunChanges(deps: {
  feed: Feed
  reader: LogReader
  clock: Clock
  log: Log
}): NonNullable<ChangeSource<never>['events']> {
  const { feed, reader, clock, log } = deps

  return {
    now: reader.settled,
    follow(after, changed, lost) {
      let events: AsyncIterableIterator<FeedEvent>
      let stopped = false

      async function follow(from: number | null) {
        events = feed.follow({}, from)
        try {
          for await (const { jobId, kind, position } of events) {
            if (kind === 'QUEUED' || isTerminal(kind)) changed(jobId, position)
          }
        } catch (error) {
          log.warn({ err: error }, 'what runs change of their jobs was lost sight of; looking again')
          clock.after(RETRY_MS, () => {
            if (stopped) return
            void follow(null)
            lost()
          })
        }
      }

      void follow(after)
      return () => {
        stopped = true
        void events.return?.()
      }
    },
  }
}
