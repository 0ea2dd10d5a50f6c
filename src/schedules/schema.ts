import { builder } from '../graphql/builder.ts'
import { formatId } from '../kernel/ids.ts'

const CronDialectEnum = builder.enumType('CronDialect', {
  description:
    'VIXIE: 5 fields, or 6 with seconds first; Sunday is 0 or 7. QUARTZ: 6 or 7 fields, seconds first; Sunday is 1.',
  values: ['VIXIE', 'QUARTZ'] as const,
})

const ScheduleKindEnum = builder.enumType('ScheduleKind', {
  description: 'Which of its forms a schedule has.',
  values: ['CRON', 'INTERVAL', 'ONCE'] as const,
})

export const ScheduleType = builder.prismaObject('Schedule', {
  fields: (t) => ({
    id: t.id({ description: '`sch_…`', resolve: ({ id }) => formatId('Schedule', id) }),
    kind: t.expose('kind', { type: ScheduleKindEnum, description: 'Which of the forms below it has.' }),
    expression: t.exposeString('expression', { nullable: true, description: 'CRON: the expression.' }),
    dialect: t.expose('dialect', {
      type: CronDialectEnum,
      nullable: true,
      description: 'CRON: how the expression reads.',
    }),
    timezone: t.exposeString('timezone', { nullable: true, description: 'CRON: the IANA zone of its wall clock.' }),
    intervalSeconds: t.exposeInt('intervalSeconds', {
      nullable: true,
      description: 'INTERVAL: seconds from slot to slot.',
    }),
    once: t.exposeBoolean('once', { description: 'INTERVAL: whether it has its first slot only.' }),
    name: t.exposeString('name', { nullable: true, description: 'What those call it who share it.' }),
    version: t.exposeInt('version', {
      description: 'Of one that jobs share: rises with every change; give it to an update to exclude lost ones.',
    }),
    at: t.expose('at', { type: 'DateTime', nullable: true, description: 'ONCE: the instant.' }),
  }),
})

const CronInput = builder.inputType('CronInput', {
  description: 'A cron expression on the wall clock of a zone.',
  fields: (t) => ({
    expression: t.string({ required: true, description: 'Such as `0 9 * * MON-FRI`.' }),
    timezone: t.string({ description: 'IANA zone, such as `Europe/Berlin`; absent: the server’s DEFAULT_TIMEZONE.' }),
    dialect: t.field({ type: CronDialectEnum, defaultValue: 'VIXIE', description: 'How the expression reads.' }),
  }),
})

const IntervalInput = builder.inputType('IntervalInput', {
  description: 'Again and again, on a grid that begins when the job is made.',
  fields: (t) => ({ seconds: t.int({ required: true, description: 'From slot to slot; 1 to 31,622,400.' }) }),
})

export const ScheduleInputType = builder.inputType('ScheduleInput', {
  description: 'When: exactly one of these.',
  isOneOf: true,
  fields: (t) => ({
    cron: t.field({ type: CronInput, description: 'By a cron expression.' }),
    every: t.field({ type: IntervalInput, description: 'At an interval.' }),
    at: t.field({ type: 'DateTime', description: 'Once, at this instant.' }),
  }),
})

builder.queryField('previewSchedule', (t) =>
  t.field({
    type: ['DateTime'],
    description: 'When a schedule would fire, without making anything.',
    // A schedule that never fires takes up to 50 ms to find out.
    complexity: 500,
    args: {
      input: t.arg({ type: ScheduleInputType, required: true, description: 'The schedule.' }),
      count: t.arg.int({ defaultValue: 10, description: 'How many slots; 1 to 100.' }),
      from: t.arg({ type: 'DateTime', description: 'Slots after this instant; absent: now.' }),
    },
    resolve: (_root, { input, count, from }, { schedules }) => schedules.preview(input, { count: count ?? 10, from }),
  }),
)
