/** Slack's incoming webhooks, and chats that speak the same (Mattermost, Rocket.Chat). */
import { z } from 'zod'
import { chatFields, chatIssues, defaultMessage, shortened } from '../chat.ts'
import type { ActionKind, Driver, StepContext } from '../driver.ts'
import { callAsStep, type HttpDeps } from '../http-step.ts'
import { originOnly } from '../redaction.ts'

/** Slack cuts what is longer. */
const MAX_TEXT_CHARS = 40_000
const MAX_MESSAGE_CHARS = 10_000

const config = z.object({
  ...chatFields,
  channel: z.string().min(1).max(80).optional().describe('`#channel` or `@user`, where the chat lets posts choose.'),
  iconEmoji: z
    .string()
    .regex(/^:[a-z0-9_+'-]{1,100}:$/, 'must be the name of an emoji between colons, such as :tada:')
    .optional()
    .describe('The picture beside the message: `:tada:`.'),
  customMessage: z
    .string()
    .min(1)
    .max(MAX_MESSAGE_CHARS)
    .optional()
    .describe('What to say, in Slack’s mrkdwn; may hold templates. Absent: which job ran, and for what.'),
})

export type SlackConfig = z.output<typeof config>

export const slack = {
  kind: 'slack',
  description: 'Posts a message to Slack, or to a chat that takes Slack’s incoming webhooks.',
  config,
  redact: ({ webhookUrl, ...rest }) => ({ ...rest, webhookUrl: originOnly(webhookUrl) }),
  create: createSlackDriver,
} satisfies ActionKind<SlackConfig>

export function createSlackDriver(deps: HttpDeps): Driver<SlackConfig> {
  return {
    config,
    check: (config, subject) => chatIssues(deps.egress, config, subject),
    places: () => ({ customMessage: 'slack' }),
    execute(config, context) {
      const { webhookUrl: url, channel, username, iconEmoji } = config
      const message = { text: textOf(config, context), channel, username, icon_emoji: iconEmoji }
      const body = Buffer.from(JSON.stringify(message))
      const call = { url, shownUrl: originOnly(url), method: 'POST', headers: {}, contentType: 'application/json' }
      return callAsStep(deps, { ...call, body }, context)
    },
  }
}

function textOf({ customMessage, includeArtifactLink }: SlackConfig, context: StepContext): string {
  const { artifact } = context
  const text = shortened(customMessage ?? escaped(defaultMessage(context)), MAX_TEXT_CHARS - 5_000)
  return includeArtifactLink && artifact ? `${text}\n<${artifact.url}|${escaped(artifact.slug)}>` : text
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
