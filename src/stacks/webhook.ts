/** The address that runs a stack: who may ask it, and the token of those who must know one. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Prisma, Stack } from '../db/generated/prisma/client.ts'
import type { Seal } from '../kernel/seal.ts'
import type { CreateStackInput } from './spec.ts'

type Given = Pick<CreateStackInput, 'webhook' | 'webhookMethod'>

/** Whenever a stack begins to want a token it gets another; one that wants none has none. Absent leaves alone. */
export function webhookFields(
  seal: Seal,
  { webhook, webhookMethod }: Given,
  before: Pick<Stack, 'webhook'>,
): Pick<Prisma.StackUncheckedCreateInput, 'webhook' | 'webhookMethod' | 'webhookToken'> {
  const mode = webhook ?? 'NONE'
  const changes = webhook !== undefined && mode !== before.webhook
  return {
    ...(changes && { webhook: mode, webhookToken: mode === 'TOKEN' ? seal.seal(newWebhookToken()) : null }),
    ...(webhookMethod !== undefined && { webhookMethod }),
  }
}

/** 256 random bits, told apart by sight from the tokens of people. */
const newWebhookToken = () => `rsw_${randomBytes(32).toString('base64url')}`

export const webhookTokenOf = (seal: Seal, { webhookToken }: Pick<Stack, 'webhookToken'>): string | null =>
  webhookToken && seal.open(webhookToken)

/** Takes as long whatever is wrong with it. */
export function isWebhookToken(seal: Seal, stack: Pick<Stack, 'webhookToken'>, said: string | null): boolean {
  const token = webhookTokenOf(seal, stack)
  return token !== null && said !== null && timingSafeEqual(digest(token), digest(said))
}

const digest = (text: string) => createHash('sha256').update(text).digest()
