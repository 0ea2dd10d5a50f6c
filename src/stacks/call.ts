/** Running a stack by its address, as its owner lets others do: in the owner's name, whoever asks. */
import type { PrismaClient, Run, Stack, StackWebhook } from '../db/generated/prisma/client.ts'
import { mayReadStack, requireScope } from '../identity/permissions.ts'
import { inNameOf, type Viewer } from '../identity/viewer.ts'
import { ConflictError, ForbiddenError } from '../kernel/errors.ts'
import type { Seal } from '../kernel/seal.ts'
import type { RunService } from '../runs/service.ts'
import type { RunJobInput } from '../runs/spec.ts'
import { ownJobsOf } from './own-job.ts'
import type { WEBHOOK_METHODS } from './spec.ts'
import { noSuchStack } from './use.ts'
import { isWebhookToken } from './webhook.ts'

/** Runs of one stack by itself that may be under way before further calls are refused. */
const CALL_LIMIT = 1_000

export type StackCall = {
  number: number
  method: (typeof WEBHOOK_METHODS)[number]
  /** Asked for only where it is the viewer who must be allowed to run the stack. */
  viewer: () => Promise<Viewer>
  /** The stack's, as the caller says it; null: they say none. */
  token: string | null
  /** Read once the caller may call; `mode`: by which right. */
  input: (mode: StackWebhook) => Promise<RunJobInput['payload']>
}

/** A run under way. */
export type Called = {
  runId: string
  /** Whether the caller need be nobody who may read the run. */
  byStranger: boolean
  /** Null: this node is stopping, or the signal said that nobody waits any more; the run goes on. */
  ended: Promise<Run | null>
}

export function createStackCalls({ prisma, runs, seal }: { prisma: PrismaClient; runs: RunService; seal: Seal }) {
  async function start(viewer: Viewer, stackId: string, input: RunJobInput, signal?: AbortSignal): Promise<Called> {
    const jobId = (await ownJobsOf(prisma, [stackId])).get(stackId)
    if (!jobId) throw noSuchStack()
    // Each caller waits for a run of their own, so none waits for that of another.
    const { id } = await runs.start(viewer, { ...input, jobId, overlap: 'ALLOW' }, CALL_LIMIT)
    return { runId: id, byStranger: false, ended: runs.untilFinal(viewer, id, signal) }
  }

  async function requireCaller(stack: Stack, { viewer, token }: StackCall): Promise<void> {
    if (stack.webhook === 'TOKEN' && !isWebhookToken(seal, stack, token)) {
      throw new ForbiddenError('the token of the stack is missing or wrong', 'UNAUTHENTICATED')
    }
    if (stack.webhook !== 'USER') return
    const user = requireScope(await viewer(), 'jobs:run')
    if (!mayReadStack(user, stack)) throw noSuchStack()
  }

  return {
    /**
     * Runs a stack by itself now, beside other runs of it, and waits.
     * @throws ConflictError RUNNING
     */
    async execute(viewer: Viewer, stackId: string, signal?: AbortSignal): Promise<Called> {
      requireScope(viewer, 'jobs:run')
      const stack = await prisma.stack.findUnique({ where: { id: stackId } })
      if (!stack || !mayReadStack(viewer, stack)) throw noSuchStack()
      return start(viewer, stackId, {}, signal)
    },

    /**
     * The same for whoever may ask its address.
     * @throws NotFoundError also where there is a stack that has no address, ForbiddenError, ConflictError METHOD for one
     * that it does not take, and RUNNING
     */
    async call(call: StackCall, signal?: AbortSignal): Promise<Called> {
      const stack = await prisma.stack.findUnique({ where: { number: call.number } })
      if (!stack || stack.webhook === 'NONE') throw noSuchStack()
      await requireCaller(stack, call)
      if (stack.webhookMethod && stack.webhookMethod !== call.method) {
        throw new ConflictError(`it is asked with ${stack.webhookMethod}`, 'METHOD')
      }
      const owner = inNameOf(stack.ownerId, ['jobs:read', 'jobs:run'])
      const called = await start(owner, stack.id, { payload: await call.input(stack.webhook) }, signal)
      return { ...called, byStranger: stack.webhook !== 'USER' }
    },
  }
}
