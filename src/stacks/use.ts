/** Using a stack in a job: its steps must fit the job, and must not change between the look at them and the use. */

import type { Subject } from '../actions/ports.ts'
import type { ActionRegistry } from '../actions/registry.ts'
import { checkSteps } from '../actions/steps.ts'
import type { Action, Prisma, PrismaClient, Stack } from '../db/generated/prisma/client.ts'
import { sqlIn } from '../db/sql.ts'
import { mayReadStack } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ConflictError, ForbiddenError, NotFoundError, ValidationError } from '../kernel/errors.ts'

export const noSuchStack = () => new NotFoundError('there is no such stack')

/** Jobs that use a stack, or one of some. */
export const usedBy = (stackId: string | { in: string[] }) =>
  ({ stackId, hidden: false, deletedAt: null, draftOfId: null }) satisfies Prisma.JobWhereInput

/** A stack as it was when its steps were looked at. */
export type CheckedStack = { id: string; version: number }

/** What is looked at of a stack that is to be used. Its steps are in order. */
export type StepsOfStack = Pick<Stack, 'id' | 'ownerId' | 'version'> & {
  actions: Pick<Action, 'kind' | 'name' | 'config'>[]
}

export type FindSteps = (stackId: string) => Promise<StepsOfStack | null>

export const stepsIn =
  (prisma: PrismaClient): FindSteps =>
  (id) =>
    prisma.stack.findUnique({ where: { id }, include: { actions: { orderBy: { position: 'asc' } } } })

/** @throws ValidationError when one of its steps cannot work for the job */
export async function checkStack(
  { findSteps, actions: registry }: { findSteps: FindSteps; actions: ActionRegistry },
  viewer: Viewer,
  id: string,
  subject: Subject,
): Promise<CheckedStack> {
  const stack = await findSteps(id)
  if (!stack || !mayReadStack(viewer, stack)) throw noSuchStack()
  if (stack.ownerId !== subject.ownerId) throw new ForbiddenError('a job may use stacks of its own owner only')
  const issues = await checkSteps(registry, stack.actions, subject)
  if (issues.length === 0) return { id, version: stack.version }
  throw new ValidationError(
    issues.map(({ path, message }) => ({ path: 'stackId', message: `does not fit the job, ${path}: ${message}` })),
  )
}

/** Until the transaction ends the stack stays as it was when it was checked, and stays at all. */
export async function holdStack(tx: Prisma.TransactionClient, { id, version }: CheckedStack): Promise<void> {
  const [stack] = await sqlIn(tx)<{ version: number }>('select version from stack where id = $1::uuid for share', [id])
  if (!stack) throw noSuchStack()
  if (stack.version !== version) throw new ConflictError('the stack was changed just now: try again')
}
