/** What clients say of a job, as the service takes it: its stack and its schedule by their integers. */
import { z } from '@hono/zod-openapi'
import { requireScope } from '../../identity/permissions.ts'
import type { Viewer } from '../../identity/viewer.ts'
import type { JobService } from '../../jobs/service.ts'
import { CODE, isConflict, KragleError } from './fault.ts'
import { isNumber } from './ids.ts'

const fields = {
  name: z.string().nullish().describe('For people, and for looking it up: no two jobs of yours have the same.'),
  enabled: z.boolean().optional(),
}

const schedule = z.int().describe('When: a schedule of yours or of anybody.')
const stack = z.int().describe('What: a stack of yours. Its jobs must each have another schedule.')

export const createSchema = z
  .strictObject({ schedule_id: schedule, stack_id: stack, ...fields })
  .openapi('NewJob', { description: '`enabled` is false by default.' })

export const updateSchema = z
  .strictObject({ schedule_id: schedule.optional(), stack_id: stack.optional(), ...fields })
  .openapi('JobChange', { description: 'What is absent stays as it is.' })

type Given = z.infer<typeof updateSchema>

const noSuchStack = () => new KragleError(CODE.NO_SUCH_STACK, 'stack_id: you have no such stack')
const noSuchSchedule = () => new KragleError(CODE.NO_SUCH_SCHEDULE, 'schedule_id: there is no such schedule')

const possible = (number: number | undefined) => (number !== undefined && isNumber(number) ? number : undefined)

/**
 * A stack is one of the viewer's own, as a job runs stacks of its owner only. `known`: what was looked at for that.
 * @throws KragleError
 */
export async function jobInput<Some extends Given>(
  jobs: JobService,
  viewer: Viewer,
  { schedule_id, stack_id, name, enabled }: Some,
) {
  const known = await jobs.numberedReferences(viewer, { schedule: possible(schedule_id), stack: possible(stack_id) })
  if (schedule_id !== undefined && !known.schedule) throw noSuchSchedule()
  const { principalId } = requireScope(viewer, stack_id === undefined ? 'jobs:write' : 'jobs:read')
  if (stack_id !== undefined && known.stack?.ownerId !== principalId) throw noSuchStack()
  return { given: { name, enabled, scheduleId: known.schedule?.id, stackId: known.stack?.id }, known }
}

/**
 * Errors of the service by their codes here.
 * @throws whatever `work` does
 */
export async function inTermsOfKragle<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw isConflict(error, 'NAME_TAKEN') ? new KragleError(CODE.JOB_NAME_EXISTS, `name: ${error.message}`) : error
  }
}
