/** What the kinds that post into a chat have in common. */
import { z } from 'zod'
import type { Issue } from '../kernel/errors.ts'
import type { StepContext } from './driver.ts'
import type { Egress } from './egress.ts'
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

export function chatIssues(
  egress: Egress,
  { webhookUrl, includeArtifactLink }: { webhookUrl: string; includeArtifactLink: boolean },
  { artifactId }: Subject,
): Issue[] {
  const lacksArtifact = includeArtifactLink && artifactId === null
  return [
    ...urlIssues(egress, webhookUrl, 'webhookUrl'),
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
export const shortened = (text: string, limit: number): string => {
  const characters = [...text]
  return characters.length <= limit ? text : `${characters.slice(0, limit - 1).join('')}…`
}
