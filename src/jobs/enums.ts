import { builder } from '../graphql/builder.ts'
import { JOB_ORDERS } from './spec.ts'

export const SurfaceEnum = builder.enumType('Surface', {
  description: 'The API through which a job or a stack was made.',
  values: ['GRAPHQL', 'SHAREOUT', 'INFORMER', 'KRAGLE', 'BOOZLES'] as const,
})

export const JobTriggerEnum = builder.enumType('JobTrigger', {
  description: 'What starts a job by itself.',
  values: ['SCHEDULE', 'EVENT', 'MANUAL'] as const,
})

export const BackoffEnum = builder.enumType('Backoff', {
  description: 'How the delay before try n+1 grows: FIXED d; LINEAR d·n; EXPONENTIAL d·2^(n-1).',
  values: ['FIXED', 'LINEAR', 'EXPONENTIAL'] as const,
})

export const RetryOnEnum = builder.enumType('RetryOn', {
  description:
    'Which failures are tried again: TRANSIENT those that may pass (network errors, 408, 425, 429, 5xx), ANY all but 410.',
  values: ['TRANSIENT', 'ANY'] as const,
})

export const OverlapPolicyEnum = builder.enumType('OverlapPolicy', {
  description:
    'What a new run does while another of its job is not final: SKIP it; wait, one at most (QUEUE_ONE) or up to 1,000 (QUEUE_ALL); take its place (CANCEL_RUNNING); or run beside it (ALLOW).',
  values: ['SKIP', 'QUEUE_ONE', 'QUEUE_ALL', 'CANCEL_RUNNING', 'ALLOW'] as const,
})

export const CatchUpPolicyEnum = builder.enumType('CatchUpPolicy', {
  description: 'What happens to slots that were missed while no node ran: the newest fires, ALL fire, or NONE.',
  values: ['LATEST', 'ALL', 'NONE'] as const,
})

export const DstGapPolicyEnum = builder.enumType('DstGapPolicy', {
  description:
    'A fixed time that does not exist on the day the clock goes forward: run right after the gap, or SKIP it.',
  values: ['RUN_AFTER_GAP', 'SKIP'] as const,
})

export const JobOrderEnum = builder.enumType('JobOrder', {
  description:
    'By the time of creation; RELEVANCE: by how well they fit what is looked for, the newest first if nothing is.',
  values: JOB_ORDERS,
})
