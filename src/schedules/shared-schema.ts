/** Schedules that are made by themselves, for jobs of anybody to share. */
import { builder } from '../graphql/builder.ts'
import { ListOrderEnum, listComplexity } from '../graphql/list-args.ts'
import { expectId, uuidOf } from '../kernel/ids.ts'
import { ScheduleInputType, ScheduleType } from './schema.ts'

builder.queryFields((t) => ({
  schedule: t.field({
    type: ScheduleType,
    nullable: true,
    description: 'A schedule that jobs may share; null: there is none. That of a job is with the job.',
    args: { id: t.arg.id({ required: true, description: '`sch_…`' }) },
    resolve: (_root, { id }, { schedules, viewer }) => {
      const uuid = uuidOf('Schedule', id)
      return uuid ? schedules.findShared(viewer, uuid) : null
    },
  }),
  schedules: t.connection({
    type: ScheduleType,
    description: 'The schedules that jobs may share; everybody’s.',
    complexity: listComplexity,
    args: { orderBy: t.arg({ type: ListOrderEnum, defaultValue: 'NEWEST', description: 'In which order.' }) },
    resolve: (_root, args, { schedules, viewer }) => schedules.listShared(viewer, args),
  }),
}))

const NAME = 'At most 200 characters.'
const ONCE = 'Whether an interval has its first slot only.'

const CreateScheduleInput = builder.inputType('CreateScheduleInput', {
  description: 'A schedule for jobs to share.',
  fields: (t) => ({
    name: t.string({ description: NAME }),
    schedule: t.field({ type: ScheduleInputType, required: true, description: 'When; an interval of 60 s or more.' }),
    once: t.boolean({ description: ONCE }),
  }),
})

const UpdateScheduleInput = builder.inputType('UpdateScheduleInput', {
  description: 'Absent fields stay as they are.',
  fields: (t) => ({
    scheduleId: t.id({ required: true, description: '`sch_…`' }),
    name: t.string({ description: `${NAME} Null clears.` }),
    schedule: t.field({ type: ScheduleInputType, description: 'When; an interval of 60 s or more.' }),
    once: t.boolean({ description: ONCE }),
    version: t.int({ description: 'The version that you know: another one is a ConflictError.' }),
  }),
})

builder.mutationFields((t) => ({
  createSchedule: t.field({
    type: ScheduleType,
    errors: {},
    description: 'Makes a schedule that any job may share. Everybody may see it, and who may see it nothing but when.',
    args: { input: t.arg({ type: CreateScheduleInput, required: true, description: 'The schedule.' }) },
    resolve: (_root, { input: { once, ...input } }, { schedules, viewer }) =>
      schedules.createShared(viewer, { ...input, once: once ?? undefined }),
  }),
  updateSchedule: t.field({
    type: ScheduleType,
    errors: {},
    description: 'Changes a schedule that jobs may share, as its owner, and while no job has it.',
    args: { input: t.arg({ type: UpdateScheduleInput, required: true, description: 'What to change.' }) },
    resolve: (_root, { input: { scheduleId, schedule, once, ...input } }, { schedules, viewer }) =>
      schedules.updateShared(
        viewer,
        { id: expectId('Schedule', scheduleId) },
        {
          ...input,
          ...(schedule && { schedule }),
          once: once ?? undefined,
        },
      ),
  }),
}))
