import { builder } from '../graphql/builder.ts'
import { LOG_LEVELS } from './reporting.ts'

export const RunStatusEnum = builder.enumType('RunStatus', {
  description:
    'QUEUED waits, RUNNING works, RETRYING waits for its next attempt; SUCCEEDED, FAILED, CANCELLED and SKIPPED are final.',
  values: ['QUEUED', 'RUNNING', 'RETRYING', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'SKIPPED'] as const,
})

export const RunTriggerEnum = builder.enumType('RunTrigger', {
  description: 'What started a run.',
  values: ['SCHEDULE', 'EVENT', 'MANUAL', 'BACKFILL', 'RETRY'] as const,
})

export const SkipReasonEnum = builder.enumType('SkipReason', {
  description:
    'Why it did not become work: another run was on (OVERLAP), too many waited (QUEUE_FULL), nobody was there in time (MISFIRE), its job was paused or deleted, or the event came before startOn or after endOn (OUT_OF_WINDOW).',
  values: ['OVERLAP', 'QUEUE_FULL', 'MISFIRE', 'PAUSED', 'DELETED', 'OUT_OF_WINDOW', 'LOOP'] as const,
})

export const AttemptStatusEnum = builder.enumType('AttemptStatus', {
  description: 'How an attempt ended, or RUNNING. LOST: its worker died or lost its lease.',
  values: ['RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'LOST'] as const,
})

export const StepStatusEnum = builder.enumType('StepStatus', {
  description: 'How a step ended, or RUNNING.',
  values: ['RUNNING', 'SUCCEEDED', 'FAILED'] as const,
})

export const LogLevelEnum = builder.enumType('LogLevel', {
  description: 'How much a line of a log matters.',
  values: LOG_LEVELS,
})
