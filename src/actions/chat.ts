/** What the kinds that post into a chat have in common. */
import { z } from 'zod'
import type { Egress } from '../egress/egress.ts'
import type { Issue } from '../kernel/errors.ts'
import type { StepContext, StepResult } from './driver.ts'
import type { Subject } from './ports.ts'
import { urlIssues } from './request-spec.ts'

export const chatFields = {
  webhookUrl: z
    .string()
    .min(1)
    .max(2048)
    .describe('The address that the chat gave for posting. Whoever has it can post, so it is shown to nobody else.'),
  username: z
    .string()
    .min(1)
    .max(80)
    .optional()
    .describe('Who the message seems to be from. Absent: as the chat has it.'),
  includeArtifactLink: z.boolean().default(false).describe('Whether a link to the artifact stands below the message.'),
}

/** A text of a message: as it is given, and how long the chat lets it be. */
export type ChatText = { field: string; text: string | undefined; limit: number }

/** Of `texts` the length is judged as it is given; what templates make longer is cut later. */
export function chatIssues(
  egress: Egress,
  { webhookUrl, includeArtifactLink }: { webhookUrl: string; includeArtifactLink: boolean },
  { artifactId }: Subject,
  texts: readonly ChatText[],
): Issue[] {
  const lacksArtifact = includeArtifactLink && artifactId === null
  return [
    ...urlIssues(egress, webhookUrl, 'webhookUrl'),
    ...texts.flatMap(({ field, text = '', limit }) =>
      lengthOf(text) > limit ? [{ path: field, message: `must have at most ${limit} characters` }] : [],
    ),
    ...(lacksArtifact ? [{ path: 'includeArtifactLink', message: 'needs a job that is put on an artifact' }] : []),
  ]
}

/** What a message says when its author has not said anything. */
export function defaultMessage({ run, event }: StepContext): string {
  const job = run.job.name ?? run.job.id
  if (event) return `${job} ran on ${event.type}.`
  return run.scheduledFor === null ? `${job} ran.` : `${job} ran for ${run.scheduledFor}.`
}

/** Chats refuse a text that is too long, and half of it says more than nothing. */
export const shortened = (text: string, limit: number): string =>
  lengthOf(text) <= limit ? text : `${[...text].slice(0, limit - 1).join('')}…`

/** A step that succeeded, with a warning for each text that had to be cut. */
export function withCuts(result: StepResult, texts: readonly ChatText[]): StepResult {
  const warnings = texts.flatMap(({ field, text = '', limit }) =>
    lengthOf(text) > limit ? [`${field} was cut: it had ${lengthOf(text)} characters, and ${limit} fit`] : [],
  )
  return result.ok && warnings.length > 0 ? { ...result, warnings } : result
}

/** In code points, as chats count. */
function lengthOf(text: string): number {
  let length = 0
  for (const _ of text) length++
  return length
}
