/** What clients say of a job, as the service takes it: its stack and its schedule by their integers. */
import { z } from '@hono/zod-openapi'
import { requireScope } from '../../identity/permissions.ts'
import type { Viewer } from '../../identity/viewer.ts'
import { NotFoundError } from '../../kernel/errors.ts'
import type { ScheduleService } from '../../schedules/service.ts'
import type { StackService } from '../../stacks/service.ts'
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

export function createJobInput({ schedules, stacks }: { schedules: ScheduleService; stacks: StackService }) {
  async function scheduleNumbered(number: number): Promise<string> {
    const found = isNumber(number) ? await schedules.shared(number) : null
    if (!found) throw noSuchSchedule()
    return found.id
  }

  /** One of the viewer's own, as a job runs stacks of its owner only. */
  async function stackNumbered(viewer: Viewer, number: number): Promise<string> {
    const { principalId } = requireScope(viewer, 'jobs:read')
    if (!isNumber(number)) throw noSuchStack()
    const found = await stacks.numbered(viewer, number).catch((error) => {
      throw error instanceof NotFoundError ? noSuchStack() : error
    })
    if (found.ownerId !== principalId) throw noSuchStack()
    return found.id
  }

  return {
    /** @throws KragleError */
    async of<Some extends Given>(viewer: Viewer, { schedule_id, stack_id, name, enabled }: Some) {
      requireScope(viewer, 'jobs:write')
      const scheduleId = schedule_id === undefined ? undefined : await scheduleNumbered(schedule_id)
      const stackId = stack_id === undefined ? undefined : await stackNumbered(viewer, stack_id)
      return { name, enabled, scheduleId, stackId }
    },
  }
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
