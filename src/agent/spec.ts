/** What a visitor may say to an agent. Pure. */
import { z } from 'zod'
import { text } from '../kernel/storable.ts'

const MESSAGES_LIMIT = 50
/** Characters of one message. */
const MESSAGE_LIMIT = 20_000
/** Characters of all messages together. */
const CONVERSATION_LIMIT = 100_000

export type Message = { role: 'user' | 'assistant'; content: string }

const words = text(MESSAGE_LIMIT).min(1, 'must not be empty')
const message = z.object({ role: z.enum(['user', 'assistant'], 'must be user or assistant'), content: words })

/** The conversation so far, its last message the visitor's; or only that. */
export const conversationSpec = z
  .object({
    message: words.nullish(),
    messages: z.array(message).max(MESSAGES_LIMIT, `must be at most ${MESSAGES_LIMIT} messages`).nullish(),
  })
  .transform((input, context): Message[] => {
    const refuse = (path: string[], message: string) => {
      context.addIssue({ code: 'custom', path, message })
      return z.NEVER
    }
    if ((input.message == null) === (input.messages == null)) return refuse([], 'give either message or messages')
    const messages = input.messages ?? [{ role: 'user' as const, content: input.message ?? '' }]
    if (messages.at(-1)?.role !== 'user') return refuse(['messages'], 'must end with a message of the user')
    const length = messages.reduce((sum, { content }) => sum + content.length, 0)
    if (length <= CONVERSATION_LIMIT) return messages
    return refuse(['messages'], `must have at most ${CONVERSATION_LIMIT} characters together`)
  })
