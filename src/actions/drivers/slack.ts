/** Slack's incoming webhooks, and chats that speak the same (Mattermost, Rocket.Chat). */
import { z } from 'zod'
import { type ChatText, chatFields, chatIssues, defaultMessage, shortened, withCuts } from '../chat.ts'
import type { ActionKind, Delivery, Driver, Failure, StepContext } from '../driver.ts'
import { failureOf } from '../http-call.ts'
import { callAsStep, type HttpDeps } from '../http-step.ts'
import { originOnly } from '../redaction.ts'

/** Slack cuts at 40,000, in the middle of the link if need be. */
const MAX_MESSAGE_CHARS = 35_000

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
    .optional()
    .describe('What to say, in Slack’s mrkdwn; may hold templates. Absent: which job ran, and for what.'),
})

export type SlackConfig = z.output<typeof config>

export const slack = {
  kind: 'slack',
  description: 'Posts a message to Slack, or to a chat that takes Slack’s incoming webhooks; 200 is success.',
  config,
  redact: ({ webhookUrl, ...rest }) => ({ ...rest, webhookUrl: originOnly(webhookUrl) }),
  create: createSlackDriver,
} satisfies ActionKind<SlackConfig>

export function createSlackDriver(deps: HttpDeps): Driver<SlackConfig> {
  return {
    config,
    check: (config, subject) => chatIssues(deps.egress, config, subject, textsOf(config)),
    places: () => ({ customMessage: 'slack' }),
    async execute(config, context) {
      const { webhookUrl: url, channel, username, iconEmoji } = config
      const message = { text: textOf(config, context), channel, username, icon_emoji: iconEmoji }
      const body = Buffer.from(JSON.stringify(message))
      const call = { url, shownUrl: originOnly(url), method: 'POST', headers: {}, contentType: 'application/json' }
      return withCuts(await callAsStep(deps, { ...call, body }, context, refusalOf), textsOf(config))
    },
  }
}

const textsOf = ({ customMessage: text }: SlackConfig): ChatText[] => [
  { field: 'customMessage', text, limit: MAX_MESSAGE_CHARS },
]

function textOf({ customMessage, includeArtifactLink }: SlackConfig, context: StepContext): string {
  const { artifact } = context
  const text = shortened(customMessage ?? escaped(defaultMessage(context)), MAX_MESSAGE_CHARS)
  return includeArtifactLink && artifact ? `${text}\n<${artifact.url}|${escaped(artifact.slug)}>` : text
}

/** Slack takes a message with 200 only; another 2xx comes from something that is no such webhook. */
function refusalOf(delivery: Delivery, now: Date): Failure | null {
  const failure = failureOf(delivery, now)
  if (failure || delivery.status === 200) return failure
  const { status } = delivery
  return { code: `HTTP_${status}`, message: `the receiver answered ${status}, not 200`, transient: false }
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
