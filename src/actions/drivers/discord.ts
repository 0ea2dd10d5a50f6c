/** Discord's webhooks: https://discord.com/developers/docs/resources/webhook#execute-webhook */
import { z } from 'zod'
import { type ChatText, chatFields, chatIssues, defaultMessage, shortened, withCuts } from '../chat.ts'
import type { ActionKind, Delivery, Driver, Failure, StepContext } from '../driver.ts'
import { failureOf, MAX_RETRY_AFTER } from '../http-call.ts'
import { callAsStep, type HttpDeps } from '../http-step.ts'
import { originOnly } from '../redaction.ts'

/** Discord refuses what is longer. */
const MAX_CONTENT_CHARS = 2_000
const MAX_TITLE_CHARS = 256
const MAX_DESCRIPTION_CHARS = 4_096

const config = z.object({
  ...chatFields,
  avatarUrl: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .optional()
    .describe('The picture beside the message.'),
  embedTitle: z.string().min(1).optional().describe('Title of a box around the message; may hold templates.'),
  embedColor: z
    .union([z.string().regex(/^#[0-9a-f]{6}$/i), z.int().min(0).max(0xffffff)], 'must be a colour such as "#2f855a"')
    .optional()
    .describe('Colour of a box around the message: `"#2f855a"`, or as an integer, 3114330.'),
  customMessage: z
    .string()
    .min(1)
    .optional()
    .describe('What to say, in Discord’s Markdown; may hold templates. Absent: which job ran, and for what.'),
})

export type DiscordConfig = z.output<typeof config>

export const discord = {
  kind: 'discord',
  description: 'Posts a message to a Discord channel. It mentions nobody.',
  config,
  redact: ({ webhookUrl, ...rest }) => ({ ...rest, webhookUrl: originOnly(webhookUrl) }),
  create: createDiscordDriver,
} satisfies ActionKind<DiscordConfig>

export function createDiscordDriver(deps: HttpDeps): Driver<DiscordConfig> {
  return {
    config,
    check: (config, subject) => chatIssues(deps.egress, config, subject, textsOf(config)),
    places: () => ({ customMessage: 'text', embedTitle: 'line' }),
    async execute(config, context) {
      const { webhookUrl: url, username, avatarUrl } = config
      const message = {
        ...contentOf(config, context),
        username,
        avatar_url: avatarUrl,
        allowed_mentions: { parse: [] },
      }
      const body = Buffer.from(JSON.stringify(message))
      const call = { url, shownUrl: originOnly(url), method: 'POST', headers: {}, contentType: 'application/json' }
      return withCuts(await callAsStep(deps, { ...call, body }, context, refusalOf), textsOf(config))
    },
  }
}

/** A box has more room than a message. */
const textsOf = ({ customMessage, embedTitle, embedColor }: DiscordConfig): ChatText[] => [
  {
    field: 'customMessage',
    text: customMessage,
    limit: embedTitle === undefined && embedColor === undefined ? MAX_CONTENT_CHARS : MAX_DESCRIPTION_CHARS,
  },
  { field: 'embedTitle', text: embedTitle, limit: MAX_TITLE_CHARS },
]

function contentOf(
  { customMessage, embedTitle, embedColor, includeArtifactLink }: DiscordConfig,
  context: StepContext,
) {
  const message = customMessage ?? defaultMessage(context)
  const link = includeArtifactLink ? context.artifact?.url : undefined
  if (embedTitle === undefined && embedColor === undefined) {
    const room = MAX_CONTENT_CHARS - (link ? link.length + 1 : 0)
    return { content: shortened(message, room) + (link ? `\n${link}` : '') }
  }
  // a link is on the title, and there is none without
  const title = embedTitle ?? (link && context.artifact?.slug)
  const embed = {
    ...(title !== undefined && { title: shortened(title, MAX_TITLE_CHARS) }),
    description: shortened(message, MAX_DESCRIPTION_CHARS),
    ...(embedColor !== undefined && { color: colourOf(embedColor) }),
    ...(link && { url: link }),
  }
  return { embeds: [embed] }
}

const colourOf = (colour: string | number) =>
  typeof colour === 'number' ? colour : Number.parseInt(colour.slice(1), 16)

/** Discord says in the body of a 429 how long to wait, in fractions of a second. */
function refusalOf(delivery: Delivery, now: Date): Failure | null {
  const failure = failureOf(delivery, now)
  if (!failure || delivery.status !== 429) return failure
  const [, seconds] = /"retry_after"\s*:\s*(\d+(?:\.\d+)?)/.exec(delivery.responseBody.toString('latin1')) ?? []
  if (seconds === undefined) return failure
  return {
    ...failure,
    retryAfter: Math.min(Math.max(Math.ceil(Number(seconds)), failure.retryAfter ?? 0), MAX_RETRY_AFTER),
  }
}
