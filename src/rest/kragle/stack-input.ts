/** What clients say of a stack, and what services are told. */
import { z } from '@hono/zod-openapi'
import type { WEBHOOK_METHODS, WEBHOOK_MODES } from '../../stacks/spec.ts'
import { saidBlockSchema, stepsOf } from './blocks.ts'

export const webhookSchema = z
  .enum(['none', 'public', 'token', 'user'])
  .describe('Who may call /blockstacks/hook/<id>: nobody, anybody, who has the webhook_token, or its owner signed in.')

export const webhookMethodSchema = z.enum(['GET', 'POST', 'any']).describe('By which method that is called.')

const fields = {
  name: z.string().describe('Unique among yours; at most 200 characters.'),
  blocks: z.array(saidBlockSchema).describe('What it does, in order: 1 to 50.'),
  webhook: webhookSchema.optional(),
  webhook_method: webhookMethodSchema.nullish(),
}

export const createSchema = z
  .strictObject({
    ...fields,
    schedule_id: z.int().nullish().describe('Makes a first job that uses the stack by this schedule.'),
    enabled: z.boolean().optional().describe('Whether that job is active. Default: false.'),
  })
  .openapi('NewStack')

export const updateSchema = z
  .strictObject({ ...fields, name: fields.name.optional(), blocks: fields.blocks.optional() })
  .openapi('StackChange')

/** Absent stays as it is. */
export const inputOf = ({ name, blocks, webhook, webhook_method: method }: z.output<typeof updateSchema>) => ({
  ...(name !== undefined && { name }),
  ...(blocks !== undefined && stepsOf(blocks)),
  ...(webhook !== undefined && { webhook: webhook.toUpperCase() as (typeof WEBHOOK_MODES)[number] }),
  ...(method !== undefined && { webhookMethod: methodOf(method) }),
})

const methodOf = (said: z.output<typeof webhookMethodSchema> | null): (typeof WEBHOOK_METHODS)[number] | null =>
  said === 'any' ? null : said
