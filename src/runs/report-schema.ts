/** What a step says of itself while it is at work: told by `reportStep`, kept with the step, and seen in the stream. */
import { builder } from '../graphql/builder.ts'
import { expectId } from '../kernel/ids.ts'
import { LogLevelEnum } from './enums.ts'
import { type EventOf, RunEventInterface } from './event-types.ts'
import type { LogLine, Progress } from './reporting.ts'
import { RunStepType } from './schema.ts'
import { REPORT_LINES } from './spec.ts'

const FRACTION = 'From 0 to 1; null if it is not known.'
const DONE = 'How much is done, in a unit of the step’s own: rows, bytes, files; null if it is not known.'
const TOTAL = 'How much there is to do, in the same unit; null if it is not known.'
const MESSAGE = 'For people: what is being done; null if nothing was said.'

const ProgressType = builder.objectRef<Progress>('Progress').implement({
  description: 'How far something is, as it says itself.',
  fields: (t) => ({
    fraction: t.exposeFloat('fraction', { nullable: true, description: FRACTION }),
    done: t.exposeFloat('done', { nullable: true, description: DONE }),
    total: t.exposeFloat('total', { nullable: true, description: TOTAL }),
    message: t.exposeString('message', { nullable: true, description: MESSAGE }),
  }),
})

builder.prismaObjectFields(RunStepType, (t) => ({
  progress: t.field({
    type: ProgressType,
    nullable: true,
    description: 'The last that its attempt said of how far it is; null if it has said nothing.',
    resolve: ({ progress }) => progress as Progress | null,
  }),
  droppedLines: t.exposeInt('logDropped', {
    description: 'Lines that its attempt logged and that were not kept: a log has its limits.',
  }),
}))

type OfStep = { position: number; name: string }
const POSITION = 'Order of the step among the steps, from 0.'
const NAME = 'Name of the step.'

builder.objectRef<EventOf<OfStep & Progress>>('StepProgress').implement({
  description: 'A step that is at work says how far it is. Of what it says in quick succession the newest is told.',
  interfaces: [RunEventInterface as never],
  fields: (t) => ({
    position: t.int({ description: POSITION, resolve: ({ data }) => data.position }),
    name: t.string({ description: NAME, resolve: ({ data }) => data.name }),
    fraction: t.float({ nullable: true, description: FRACTION, resolve: ({ data }) => data.fraction }),
    done: t.float({ nullable: true, description: DONE, resolve: ({ data }) => data.done }),
    total: t.float({ nullable: true, description: TOTAL, resolve: ({ data }) => data.total }),
    message: t.string({ nullable: true, description: MESSAGE, resolve: ({ data }) => data.message }),
  }),
})

builder.objectRef<EventOf<OfStep & LogLine>>('StepLog').implement({
  description: 'A line of the log of a step. If lines were dropped, the last one says how many.',
  interfaces: [RunEventInterface as never],
  fields: (t) => ({
    position: t.int({ description: POSITION, resolve: ({ data }) => data.position }),
    name: t.string({ description: NAME, resolve: ({ data }) => data.name }),
    level: t.field({ type: LogLevelEnum, description: 'How much it matters.', resolve: ({ data }) => data.level }),
    message: t.string({ description: 'The line.', resolve: ({ data }) => data.message }),
  }),
})

const ProgressInput = builder.inputType('ProgressInput', {
  description: 'How far something is; at least one field.',
  fields: (t) => ({
    fraction: t.float({ description: 'From 0 to 1. Default: done of total.' }),
    done: t.float({ description: 'How much is done, in a unit of your own.' }),
    total: t.float({ description: 'How much there is to do, in the same unit.' }),
    message: t.string({ description: 'For people; cut behind 200 characters.' }),
  }),
})

const LogLineInput = builder.inputType('LogLineInput', {
  description: 'A line of a log.',
  fields: (t) => ({
    level: t.field({ type: LogLevelEnum, required: true, defaultValue: 'INFO', description: 'How much it matters.' }),
    message: t.string({ required: true, description: 'The line; cut behind 2,000 characters.' }),
  }),
})

const ReportStepInput = builder.inputType('ReportStepInput', {
  description: 'What a step that is at work says: progress, lines, or both.',
  fields: (t) => ({
    runId: t.id({ required: true, description: '`run_…`' }),
    attempt: t.int({
      description: 'Of this attempt only: give it, and a late report is refused. Default: the one that is under way.',
    }),
    position: t.int({ description: 'Of this step only. Default: the one that is under way.' }),
    progress: t.field({ type: ProgressInput, description: 'How far it is.' }),
    logs: t.field({ type: [LogLineInput], description: `Lines for its log, in order; at most ${REPORT_LINES}.` }),
  }),
})

builder.mutationField('reportStep', (t) =>
  t.field({
    type: RunStepType,
    errors: {},
    description:
      'Says how far the step is that a run is at, for whoever does its work: the receiver of a webhook, say. Reports of a step are written twice a second; a faster one waits, and of the progress told meanwhile the newest counts. ConflictError NOT_RUNNING, ATTEMPT or STEP_OVER: what it tells of is not under way, and nothing was written.',
    args: { input: t.arg({ type: ReportStepInput, required: true, description: 'Of which run, and what.' }) },
    resolve: (_root, { input: { runId, ...input } }, { runs, viewer }) =>
      runs.report(viewer, { ...input, runId: expectId('Run', runId) }),
  }),
)
