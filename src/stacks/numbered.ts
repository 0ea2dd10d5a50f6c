/** Stacks for clients that know them by integers and by names, page by page. */

import { givenOf } from '../actions/given.ts'
import type { ActionRegistry } from '../actions/registry.ts'
import { withoutSecrets } from '../actions/steps.ts'
import type { Prisma, PrismaClient, Stack } from '../db/generated/prisma/client.ts'
import { mayReadStack, requireScope } from '../identity/permissions.ts'
import { principalsOf, type SignedIn, type Viewer } from '../identity/viewer.ts'
import { noSuchStack, usedBy } from './use.ts'

/** A step as such clients gave it. `given`: what they said of it beside that; null: nothing, or not for the viewer. */
export type Block = { number: number; kind: string; config: unknown; given: Record<string, unknown> | null }

/** Integers of what belongs to a stack. */
export type StackNumbers = { actions: number[]; jobs: number[] }

export function createNumberedStacks({ prisma, actions: registry }: { prisma: PrismaClient; actions: ActionRegistry }) {
  return {
    /** @throws NotFoundError */
    async numbered(viewer: Viewer, number: number): Promise<Stack> {
      requireScope(viewer, 'jobs:read')
      const stack = await prisma.stack.findUnique({ where: { number } })
      if (!stack || !mayReadStack(viewer, stack)) throw noSuchStack()
      return stack
    },

    /** Of the viewer's own; of several the one from an API in which names are unique, else the oldest. Null: none. */
    async named(viewer: Viewer, name: string): Promise<Stack | null> {
      const where = ownedBy(requireScope(viewer, 'jobs:read'))
      const found = await prisma.stack.findMany({
        where: { ...where, name },
        orderBy: { id: 'asc' },
        take: MOST_OF_A_NAME,
      })
      return found.find(({ surface }) => surface === 'KRAGLE') ?? found[0] ?? null
    },

    /** The viewer's own, the oldest first, from row `start` on; and how many there are. */
    async own(
      viewer: Viewer,
      { start, limit }: { start: number; limit: number },
    ): Promise<{ stacks: Stack[]; total: number }> {
      const where = ownedBy(requireScope(viewer, 'jobs:read'))
      const [total, stacks] = await Promise.all([
        prisma.stack.count({ where }),
        prisma.stack.findMany({ where, orderBy: { id: 'asc' }, skip: start, take: limit }),
      ])
      return { stacks, total }
    },

    /** In the order of the stacks, which are ones that the viewer may read. Of their jobs those of Kragle. */
    async numbersOf(stackIds: readonly string[]): Promise<StackNumbers[]> {
      const ids = { in: [...stackIds] }
      const [actions, jobs] = await Promise.all([
        prisma.action.findMany({
          where: { stackId: ids },
          select: { stackId: true, number: true },
          orderBy: { position: 'asc' },
        }),
        prisma.job.findMany({
          where: { ...usedBy(ids), surface: 'KRAGLE' },
          select: { stackId: true, number: true },
          orderBy: { number: 'asc' },
        }),
      ])
      const of = (rows: { stackId: string | null; number: number }[], id: string) =>
        rows.filter(({ stackId }) => stackId === id).map(({ number }) => number)
      return stackIds.map((id) => ({ actions: of(actions, id), jobs: of(jobs, id) }))
    },

    /** The steps of a stack that the viewer may read, in order; without secrets for those who may not change it. */
    async blocksOf(viewer: Viewer, stackId: string): Promise<Block[]> {
      const actions = await prisma.action.findMany({ where: { stackId }, orderBy: { position: 'asc' } })
      const mayChange = viewer?.scopes.has('jobs:write') ?? false
      return withoutSecrets(registry, viewer, actions).map(({ number, kind, config }, index) => ({
        ...{ number, kind, config },
        given: mayChange ? givenOf(actions[index]?.config) : null,
      }))
    },
  }
}

/** So many of one name are looked at. */
const MOST_OF_A_NAME = 100

const ownedBy = (reader: SignedIn) => ({ ownerId: { in: principalsOf(reader) } }) satisfies Prisma.StackWhereInput
