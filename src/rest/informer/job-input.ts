/** What clients of Informer ask for, as the jobs' service takes it. */
import type { Job, Schedule } from '../../db/generated/prisma/client.ts'
import { ValidationError } from '../../kernel/errors.ts'
import type { ScheduleInput } from '../../schedules/spec.ts'
import { datasetInputs, datasetPath } from './dataset-input.ts'
import { intervalView, NO_INTERVAL, scheduleOf, type Timing } from './interval.ts'
import type { CreateBody, UpdateBody } from './job-body.ts'

/** @throws ValidationError */
export function createInput(body: CreateBody, usual: string) {
  const { interval, intervalType, datasets, ...rest } = body
  const timing = { interval, intervalType, timezone: rest.timezone ?? usual, startOn: rest.startOn ?? null }
  return {
    ...rest,
    enabled: rest.enabled ?? false,
    schedule: scheduleOf(timing, NO_INTERVAL),
    datasets: datasetInputs(datasets ?? {}),
  }
}

/**
 * What changes when a job, which has this schedule, is sent this. What is as it was is left out: a client may send back all
 * that it has read, also a time that is past meanwhile.
 * @throws ValidationError
 */
export function updateInput(body: UpdateBody, job: Job, stored: Schedule | null, usual: string) {
  const { interval, intervalType, timezone, startOn, endOn, datasets, lockedAt: _, ...rest } = body
  const before = intervalView(stored, job.startOn)
  const timing: Timing = {
    interval,
    intervalType,
    timezone: (timezone === undefined ? (stored?.timezone ?? job.timezone) : timezone) ?? usual,
    startOn: startOn === undefined ? job.startOn : startOn,
  }
  const schedule = scheduleOf(timing, before)
  return {
    ...rest,
    timezone,
    ...(!isSame(startOn, job.startOn) && { startOn }),
    ...(!isSame(endOn, job.endOn) && { endOn }),
    ...(!says(schedule, stored) && { schedule }),
    ...(datasets !== undefined && { datasets: datasetInputs(datasets ?? {}) }),
  }
}

/** Whether anything of when it runs is in it. */
export const saysWhen = ({ interval, intervalType, timezone, startOn, endOn }: UpdateBody): boolean =>
  [interval, intervalType, timezone, startOn, endOn].some((field) => field !== undefined)

const isSame = (given: Date | null | undefined, stored: Date | null) =>
  given === undefined || given?.getTime() === stored?.getTime()

/** Whether this is what is stored already. */
function says(input: ScheduleInput | null, stored: Schedule | null): boolean {
  if (!input || !stored) return !input && !stored
  const { cron, every, at } = input
  if (cron) return cron.expression === stored.expression && cron.timezone === stored.timezone
  if (every) return every.seconds === stored.intervalSeconds && every.text === intervalView(stored, null).interval
  return at?.getTime() === stored.at?.getTime()
}

type Given = Pick<UpdateBody, 'interval' | 'datasets'>

/**
 * Issues are told by the names of the fields that the client gave.
 * @throws whatever `work` does
 */
export async function inTermsOfInformer<Result>(
  { interval, datasets }: Given,
  work: () => Result | Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error
    const once = interval == null ? 'startOn' : 'interval'
    throw new ValidationError(
      error.issues.map((issue) => ({
        ...issue,
        path: datasetPath(issue.path, datasets ?? {})
          .replace(/^schedule\.cron\.timezone$/, 'timezone')
          .replace(/^schedule\.at$/, once)
          .replace(/^schedule(\..*)?$/, 'interval'),
      })),
    )
  }
}
