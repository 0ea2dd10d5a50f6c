/** Stacks: lists of actions that jobs share, and that can be run by themselves. */
import type pg from 'pg'
import type { ActionRegistry } from '../actions/registry.ts'
import { type ActionInput, checkSteps, parseSteps, type Step, withoutSecrets } from '../actions/steps.ts'
import { isDuplicateIn } from '../db/errors.ts'
import type {
  Action,
  Job,
  Prisma,
  PrismaClient,
  Run,
  RunStatus,
  Stack,
  Surface,
} from '../db/generated/prisma/client.ts'
import { keysetOf, type ListOrder, listById } from '../db/keyset.ts'
import { sqlIn, sqlOn } from '../db/sql.ts'
import { mayReadStack, requireScope } from '../identity/permissions.ts'
import { principalsOf, type SignedIn, type Viewer } from '../identity/viewer.ts'
import type { JobService } from '../jobs/service.ts'
import { tellJobsOfStack } from '../jobs/tell.ts'
import type { Given } from '../jobs/work.ts'
import { ConflictError, ValidationError } from '../kernel/errors.ts'
import { formatId, newId } from '../kernel/ids.ts'
import { requireVersion } from '../kernel/known-version.ts'
import { type Connection, connectionOf, type PageArgs, pageOf } from '../kernel/pages.ts'
import type { Seal } from '../kernel/seal.ts'
import { validate } from '../kernel/validate.ts'
import type { RunService } from '../runs/service.ts'
import type { RunJobInput } from '../runs/spec.ts'
import { createStackCalls } from './call.ts'
import { createNumberedStacks } from './numbered.ts'
import { newOwnJob, ownJobsOf, removeOwnJob, renameOwnJob } from './own-job.ts'
import { jobIdsOfStacks, usesOf } from './queries.ts'
import {
  type CreateStackInput,
  createStackSpec,
  type StackListInput,
  stackListSpec,
  type UpdateStackInput,
  updateStackSpec,
} from './spec.ts'
import { noSuchStack, usedBy } from './use.ts'
import { webhookFields, webhookTokenOf } from './webhook.ts'

export type StackService = ReturnType<typeof createStackService>

/** What its steps do. `given`: what clients of another API said of each beside that, in the same order. */
export type StackWork = {
  actions?: ActionInput[] | null | undefined
  given?: readonly (Given | null)[] | undefined
}

/** A job that is made with a stack and uses it. `scheduleId`: the UUID of a shared schedule. */
export type FirstJob = { scheduleId: string; enabled: boolean }

/** Steps, and the artifacts for whose jobs they were checked. */
type Checked = { steps: Step[]; artifactIds: ReadonlySet<string> }

export function createStackService(deps: {
  prisma: PrismaClient
  pool: pg.Pool
  jobs: JobService
  runs: RunService
  actions: ActionRegistry
  seal: Seal
  publicUrl: string
}) {
  const { prisma, pool, jobs, runs, actions: registry, seal, publicUrl } = deps

  async function find(viewer: Viewer, id: string): Promise<Stack | null> {
    const stack = await prisma.stack.findUnique({ where: { id } })
    return stack && mayReadStack(viewer, stack) ? stack : null
  }

  async function requireStack(viewer: Viewer, id: string): Promise<Stack> {
    const stack = await find(viewer, id)
    if (!stack) throw noSuchStack()
    return stack
  }

  /** Steps that fit the stack by itself and each job that uses it. */
  async function parseFor(viewer: Viewer, { id, ownerId }: Stack, { actions, given }: StackWork): Promise<Checked> {
    const steps = withGiven(await parseSteps(registry, viewer, actions ?? [], { ownerId, artifactId: null }), given)
    const uses = await usesOf(prisma, id)
    for (const { artifactId, jobId } of uses) {
      const issues = await checkSteps(registry, steps, { ownerId, artifactId })
      const user = formatId('Job', jobId)
      if (issues.length === 0) continue
      throw new ValidationError(issues.map(({ path, message }) => ({ path, message: `for ${user}: ${message}` })))
    }
    return { steps, artifactIds: new Set(uses.map(({ artifactId }) => artifactId)) }
  }

  return {
    ...createNumberedStacks(deps),
    ...createStackCalls(deps),

    find,

    /**
     * The steps must be able to work by themselves, without an artifact of a job.
     * @throws ConflictError NAME_TAKEN where an API knows stacks by their names, and what a new job may throw
     */
    async create(
      viewer: Viewer,
      { actions, given, firstJob, ...input }: CreateStackInput & StackWork & { firstJob?: FirstJob | undefined },
      surface: Surface = 'GRAPHQL',
    ): Promise<Stack> {
      const { principalId: ownerId } = requireScope(viewer, 'jobs:write')
      const { name, description, ...address } = validate(createStackSpec, input)
      const steps = withGiven(await parseSteps(registry, viewer, actions ?? [], { ownerId, artifactId: null }), given)
      const data: Prisma.StackUncheckedCreateInput = {
        ...{ id: newId(), surface, ownerId, createdById: ownerId, name, description: description || null },
        ...webhookFields(seal, address, { webhook: 'NONE' }),
        actions: { createMany: { data: steps } },
        jobs: { create: newOwnJob(seal, ownerId, name) },
      }
      const make = (tx: Prisma.TransactionClient) => tx.stack.create({ data }).catch(throwTaken)
      if (!firstJob) return make(prisma)
      await jobs.create(viewer, firstJob, surface, { newStack: make })
      return prisma.stack.findUniqueOrThrow({ where: { id: data.id } })
    },

    /** Absent fields stay as they are. New steps are for runs that are queued from now on. */
    async update(
      viewer: Viewer,
      { stackId, actions, given, ...input }: UpdateStackInput & StackWork & { stackId: string },
    ): Promise<Stack> {
      requireScope(viewer, 'jobs:write')
      const { name, description, version, ...address } = validate(updateStackSpec, input)
      const stack = await requireStack(viewer, stackId)
      const checked = actions === undefined ? null : await parseFor(viewer, stack, { actions, given })
      return prisma.$transaction(async (tx) => {
        const before = await lockStack(tx, stackId, version)
        if (checked) await replaceSteps(tx, stackId, checked)
        if (name !== undefined) await renameOwnJob(tx, stackId, name)
        const data = {
          ...(name !== undefined && { name }),
          ...(description !== undefined && { description: description || null }),
          ...webhookFields(seal, address, before),
          version: { increment: 1 },
        }
        await tellJobsOfStack(sqlIn(tx), stackId)
        return tx.stack.update({ where: { id: stackId }, data }).catch(throwTaken)
      })
    },

    /** Gone for good; its runs can still be read. ConflictError IN_USE while jobs use it. Answers what it was. */
    async remove(viewer: Viewer, stackId: string): Promise<Stack> {
      requireScope(viewer, 'jobs:write')
      await requireStack(viewer, stackId)
      return prisma.$transaction(async (tx) => {
        await lockStack(tx, stackId)
        const users = await tx.job.count({ where: usedBy(stackId) })
        if (users > 0) throw new ConflictError(`jobs use it (${users}): give them other actions first`, 'IN_USE')
        await removeOwnJob(tx, stackId)
        return tx.stack.delete({ where: { id: stackId } })
      })
    },

    /** Queues a run of the stack by itself. */
    async run(viewer: Viewer, { stackId, ...input }: RunJobInput & { stackId: string }): Promise<Run> {
      requireScope(viewer, 'jobs:run')
      await requireStack(viewer, stackId)
      const jobId = (await ownJobsOf(prisma, [stackId])).get(stackId)
      if (!jobId) throw noSuchStack()
      return runs.start(viewer, { ...input, jobId })
    },

    /** In the order of the ids; null where there is none that the viewer may read. */
    async byIds(viewer: Viewer, ids: readonly string[]): Promise<(Stack | null)[]> {
      const found = await prisma.stack.findMany({ where: { id: { in: [...ids] } } })
      const byId = new Map(found.filter((stack) => mayReadStack(viewer, stack)).map((stack) => [stack.id, stack]))
      return ids.map((id) => byId.get(id) ?? null)
    },

    async list(
      viewer: Viewer,
      args: PageArgs & StackListInput & { orderBy?: ListOrder | null | undefined },
    ): Promise<Connection<Stack>> {
      const reader = requireScope(viewer, 'jobs:read')
      const where = whereOf(reader, validate(stackListSpec, args).filter ?? {})
      return listById(args, {
        rows: (query) => prisma.stack.findMany({ ...query, where: { AND: [where, query.where] } }),
        count: () => prisma.stack.count({ where }),
      })
    },

    /** Where it is run by who may ask; null: nobody may. */
    addressOf: ({ number, webhook }: Stack): string | null =>
      webhook === 'NONE' ? null : `${publicUrl}/blockstacks/hook/${number}`,

    /** What a caller of the address must say, for those who may change the stack; null: nothing, or the viewer may not. */
    webhookTokenOf: (viewer: Viewer, stack: Stack): string | null =>
      mayReadStack(viewer, stack) && viewer?.scopes.has('jobs:write') ? webhookTokenOf(seal, stack) : null,

    /** The steps of each stack, in order, as the viewer may see them. */
    async actionsOf(viewer: Viewer, stackIds: readonly string[]): Promise<Action[]> {
      const where = { stackId: { in: [...stackIds] } }
      return withoutSecrets(registry, viewer, await prisma.action.findMany({ where, orderBy: { position: 'asc' } }))
    },

    /** One page of the jobs that use each stack; the stacks are ones that the viewer may read, and so are the jobs. */
    async jobsOf(stackIds: readonly string[], args: PageArgs): Promise<Connection<Job>[]> {
      const page = pageOf(args)
      const query = keysetOf(page, 'NEWEST')
      const ids = await jobIdsOfStacks(sqlOn(pool), stackIds, query)
      const rows = await prisma.job.findMany({ where: { id: { in: ids } }, orderBy: query.orderBy })
      return stackIds.map((stackId) =>
        connectionOf(
          page,
          rows.filter((job) => job.stackId === stackId),
          ({ id }) => [id],
          () => prisma.job.count({ where: usedBy(stackId) }),
        ),
      )
    },

    /** One page of runs of each stack by itself. */
    async runsOf(
      stackIds: readonly string[],
      args: PageArgs & { status?: RunStatus | null | undefined },
    ): Promise<Connection<Run>[]> {
      const jobs = await ownJobsOf(prisma, stackIds)
      // The id of a stack is that of no job, and no job has no runs.
      return runs.ofJobs(
        stackIds.map((id) => jobs.get(id) ?? id),
        args,
      )
    },
  }
}

/** Jobs that want to use it wait until this transaction has ended. */
async function lockStack(
  tx: Prisma.TransactionClient,
  id: string,
  version?: number | null,
): Promise<Pick<Stack, 'version' | 'webhook'>> {
  const [stack] = await sqlIn(tx)<Pick<Stack, 'version' | 'webhook'>>(
    'select version, webhook from stack where id = $1::uuid for no key update',
    [id],
  )
  if (!stack) throw noSuchStack()
  requireVersion('stack', stack, version)
  return stack
}

function throwTaken(error: unknown): never {
  throw isDuplicateIn(error, 'stack_name')
    ? new ConflictError('another stack of the owner is called so', 'NAME_TAKEN')
    : error
}

/** A driver passes over what is no field of its configuration. */
const withGiven = (steps: Step[], given: StackWork['given']): Step[] =>
  steps.map((step, index) => {
    const said = given?.[index]
    return said ? { ...step, config: { ...(step.config as Given), given: said } } : step
  })

async function replaceSteps(tx: Prisma.TransactionClient, stackId: string, { steps, artifactIds }: Checked) {
  const uses = await usesOf(tx, stackId)
  if (uses.some(({ artifactId }) => !artifactIds.has(artifactId))) {
    throw new ConflictError('another job took the stack just now: try again')
  }
  await tx.action.deleteMany({ where: { stackId } })
  await tx.action.createMany({ data: steps.map((step) => ({ ...step, stackId })) })
}

function whereOf(
  reader: SignedIn,
  { search, ownerHandle }: NonNullable<StackListInput['filter']>,
): Prisma.StackWhereInput {
  // Prisma makes a pattern of it, and leaves what is special in patterns as it is.
  const contains = search ? { contains: search.replace(/[\\%_]/g, '\\$&'), mode: 'insensitive' as const } : null
  return {
    ...(!reader.isAdmin && { ownerId: { in: principalsOf(reader) } }),
    ...(contains && { OR: [{ name: contains }, { description: contains }] }),
    ...(ownerHandle && { owner: { handle: { in: [ownerHandle, `team:${ownerHandle}`] } } }),
  }
}
