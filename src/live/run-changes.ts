/** Jobs that show something else because of their runs: a next slot, a last run. The log tells, so nobody need write more. */
import type { Log } from '../kernel/log.ts'
import { isTerminal } from '../runs/states.ts'
import type { ChangeSource } from './changes.ts'
import type { Feed } from './feed.ts'
import type { LogReader } from './log-reader.ts'

export function createRunChanges({
  feed,
  reader,
  log,
}: {
  feed: Feed
  reader: LogReader
  log: Log
}): NonNullable<ChangeSource<never>['events']> {
  return {
    now: reader.settled,
    follow(after, changed, lost) {
      let events: AsyncIterableIterator<{ jobId: string; kind: string }> | null = null
      let stopped = false

      async function follow(from: number | null) {
        const following = feed.follow({}, from)
        events = following
        for await (const { jobId, kind, position } of following) {
          if (kind === 'QUEUED' || isTerminal(kind)) changed(jobId, position)
        }
      }

      async function run() {
        for (let from: number | null = after; !stopped; from = null) {
          await follow(from).then(
            () => {
              stopped = true
            },
            (error) => {
              log.warn({ err: error }, 'jobs may have changed by runs whose events are gone')
              lost()
            },
          )
        }
      }

      void run()
      return () => {
        stopped = true
        void events?.return?.()
      }
    },
  }
}
