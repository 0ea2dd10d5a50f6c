/** A stack as clients see it. */
import { z } from '@hono/zod-openapi'
import type { Stack } from '../../db/generated/prisma/client.ts'
import type { IdentityService } from '../../identity/service.ts'
import type { Viewer } from '../../identity/viewer.ts'
import type { StackService } from '../../stacks/service.ts'
import { blockSchema, blockView } from './blocks.ts'
import { webhookMethodSchema, webhookSchema } from './stack-input.ts'

export const stackSchema = z
  .object({
    id: z.int(),
    owner: z.int().describe('A user id.'),
    name: z.string(),
    webhook: webhookSchema,
    webhook_method: webhookMethodSchema,
    webhook_token: z
      .string()
      .nullable()
      .describe('What callers say; null: nothing, or you have no token with `jobs:write`.'),
    instances: z.array(z.int()).describe('Ids of its blocks.'),
    jobs: z.array(z.int()).describe('Ids of the jobs that use it.'),
  })
  .openapi('Stack')

export const wholeStackSchema = stackSchema.extend({ blocks: z.array(blockSchema) }).openapi('WholeStack')

type StackView = z.output<typeof stackSchema>

export type StackViewDeps = { identity: IdentityService; stacks: StackService }

/** The same number of statements for one as for many. */
export async function stackViews(
  { identity, stacks }: StackViewDeps,
  viewer: Viewer,
  rows: Stack[],
): Promise<StackView[]> {
  const [owners, numbers] = await Promise.all([
    identity.principals(rows.map(({ ownerId }) => ownerId)),
    stacks.numbersOf(rows.map(({ id }) => id)),
  ])
  return rows.map((stack, index) => ({
    ...{ id: stack.number, owner: owners[index]?.number ?? 0, name: stack.name },
    webhook: stack.webhook.toLowerCase() as StackView['webhook'],
    webhook_method: (stack.webhookMethod ?? 'any') as StackView['webhook_method'],
    webhook_token: stacks.webhookTokenOf(viewer, stack),
    ...{ instances: numbers[index]?.actions ?? [], jobs: numbers[index]?.jobs ?? [] },
  }))
}

export async function stackView(deps: StackViewDeps, viewer: Viewer, stack: Stack): Promise<StackView> {
  const [view] = await stackViews(deps, viewer, [stack])
  return view as StackView
}

export async function wholeStackView(deps: StackViewDeps, viewer: Viewer, stack: Stack) {
  const [view, blocks] = await Promise.all([stackView(deps, viewer, stack), deps.stacks.blocksOf(viewer, stack.id)])
  return { ...view, blocks: blocks.map(blockView) }
}
