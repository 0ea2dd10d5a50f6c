/** The stack that a path names. */
import { z } from '@hono/zod-openapi'
import type { Stack } from '../../db/generated/prisma/client.ts'
import type { Viewer } from '../../identity/viewer.ts'
import { NotFoundError } from '../../kernel/errors.ts'
import type { StackService } from '../../stacks/service.ts'
import { noSuchStack } from '../../stacks/use.ts'
import { numberIn } from './ids.ts'

export const nameParams = z.object({ name: z.string() })
export const eitherParams = z.object({ id: z.string().describe('An id or, where there is none, a name.') })

/** @throws NotFoundError */
export async function stackById(stacks: StackService, viewer: Viewer, said: string): Promise<Stack> {
  const number = numberIn(said)
  if (number === null) throw noSuchStack()
  return stacks.numbered(viewer, number)
}

/** @throws NotFoundError */
export async function stackByName(stacks: StackService, viewer: Viewer, name: string): Promise<Stack> {
  const stack = await stacks.named(viewer, name)
  if (!stack) throw noSuchStack()
  return stack
}

/** Digits are an id first, and a name second. */
export const stackByEither = (stacks: StackService, viewer: Viewer, said: string): Promise<Stack> =>
  stackById(stacks, viewer, said).catch((error) => {
    if (error instanceof NotFoundError) return stackByName(stacks, viewer, said)
    throw error
  })
