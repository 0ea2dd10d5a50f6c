import { ActionInputType, ActionType } from '../actions/schema.ts'
import { grouped, loadBatched } from '../graphql/batch.ts'
import { addNode, builder } from '../graphql/builder.ts'
import { ListOrderEnum, listComplexity } from '../graphql/list-args.ts'
import { PrincipalType } from '../identity/schema.ts'
import { OverlapPolicyEnum, SurfaceEnum } from '../jobs/enums.ts'
import { JobType } from '../jobs/schema.ts'
import { expectId, uuidOf } from '../kernel/ids.ts'
import { RunStatusEnum } from '../runs/enums.ts'
import { RunType } from '../runs/schema.ts'
import { WEBHOOK_METHODS, WEBHOOK_MODES } from './spec.ts'

const StackWebhookEnum = builder.enumType('StackWebhook', {
  description:
    'Who may run a stack by its address: nobody (NONE), anybody (PUBLIC), who has its token (TOKEN), who may run it anyway (USER). All do so in the name of its owner.',
  values: WEBHOOK_MODES,
})

const WebhookMethodEnum = builder.enumType('WebhookMethod', {
  description: 'How the address of a stack is asked.',
  values: WEBHOOK_METHODS,
})

const StackType = builder.prismaObject('Stack', {
  fields: (t) => ({
    number: t.exposeInt('number', { description: 'Integer id.' }),
    name: t.exposeString('name', { description: 'For people.' }),
    description: t.exposeString('description', { nullable: true, description: 'For readers.' }),
    owner: t.loadable({
      type: PrincipalType,
      description: 'Whose it is; jobs of the same owner may use it.',
      loaderOptions: { cache: false },
      load: (ids: string[], { identity }) => identity.principals(ids) as never,
      resolve: ({ ownerId }) => ownerId,
    }),
    surface: t.expose('surface', { type: SurfaceEnum, description: 'The API through which it was made.' }),
    webhook: t.expose('webhook', { type: StackWebhookEnum, description: 'Who may run it by its address.' }),
    webhookMethod: t.field({
      type: WebhookMethodEnum,
      nullable: true,
      description: 'How its address is asked; null: either way.',
      resolve: ({ webhookMethod }) => webhookMethod as (typeof WEBHOOK_METHODS)[number] | null,
    }),
    webhookUrl: t.string({
      nullable: true,
      description: 'Its address; null: nobody may run it so.',
      resolve: (stack, _args, { stacks }) => stacks.addressOf(stack),
    }),
    webhookToken: t.string({
      nullable: true,
      description:
        'What a caller of the address says, as `?token=` or in the header X-Webhook-Token; null: nothing, or you have no token with `jobs:write`.',
      resolve: (stack, _args, { stacks, viewer }) => stacks.webhookTokenOf(viewer, stack),
    }),
    actions: t.field({
      type: [ActionType],
      description: 'Its steps, in order; at most 50.',
      resolve: ({ id }, _args, context) =>
        loadBatched(context, 'Stack.actions', id, async (ids) =>
          grouped(ids, await context.stacks.actionsOf(context.viewer, ids), ({ stackId }) => stackId ?? ''),
        ),
    }),
    jobs: t.connection({
      type: JobType,
      description: 'The jobs that use it, newest first.',
      complexity: listComplexity,
      resolve: ({ id }, args, context) =>
        loadBatched(context, `Stack.jobs ${JSON.stringify(args)}`, id, (ids) => context.stacks.jobsOf(ids, args)),
    }),
    runs: t.connection({
      type: RunType,
      description: 'Its runs by itself, newest first; those of its jobs are with the jobs.',
      complexity: listComplexity,
      args: { status: t.arg({ type: RunStatusEnum, description: 'Only those in this state.' }) },
      resolve: ({ id }, args, context) =>
        loadBatched(context, `Stack.runs ${JSON.stringify(args)}`, id, (ids) => context.stacks.runsOf(ids, args)),
    }),
    version: t.exposeInt('version', {
      description: 'Rises with every change; give it to an update to exclude lost ones.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
  }),
})

addNode(StackType, (ids, { stacks, viewer }) => stacks.byIds(viewer, ids))

builder.prismaObjectField(JobType, 'stack', (t) =>
  t.loadable({
    type: StackType,
    nullable: true,
    description: 'The stack whose steps are its own; null if it has some of its own.',
    loaderOptions: { cache: false },
    load: (ids: string[], { stacks, viewer }) => stacks.byIds(viewer, ids) as never,
    resolve: ({ stackId }) => stackId,
  }),
)

const StackFilterInput = builder.inputType('StackFilter', {
  description: 'Stacks for which all of this holds.',
  fields: (t) => ({
    search: t.string({ description: 'In name or description, whatever the case.' }),
    ownerHandle: t.string({ description: 'Of this owner; a team with or without `team:`.' }),
  }),
})

builder.queryFields((t) => ({
  stack: t.field({
    type: StackType,
    nullable: true,
    description: 'One stack; null if there is none that you may read.',
    args: { id: t.arg.id({ required: true, description: '`stk_…`' }) },
    resolve: (_root, { id }, { stacks, viewer }) => {
      const uuid = uuidOf('Stack', id)
      return uuid ? stacks.find(viewer, uuid) : null
    },
  }),
  stacks: t.connection({
    type: StackType,
    description: 'Your stacks; of administrators all.',
    complexity: listComplexity,
    args: {
      filter: t.arg({ type: StackFilterInput, description: 'Only stacks for which all of this holds.' }),
      orderBy: t.arg({ type: ListOrderEnum, defaultValue: 'NEWEST', description: 'In which order.' }),
    },
    resolve: (_root, args, { stacks, viewer }) => stacks.list(viewer, args),
  }),
}))

const CreateStackInput = builder.inputType('CreateStackInput', {
  description: 'A new list of actions.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'At most 200 characters.' }),
    description: t.string({ description: 'At most 1,000 characters.' }),
    webhook: t.field({
      type: StackWebhookEnum,
      description: 'Who may run it by its address. Default: NONE.',
    }),
    webhookMethod: t.field({ type: WebhookMethodEnum, description: 'How its address is asked. Null: either way.' }),
    actions: t.field({
      type: [ActionInputType],
      required: true,
      description: 'Its steps, in order, 1 to 50. They must be able to work without an artifact of a job.',
    }),
  }),
})

const UpdateStackInput = builder.inputType('UpdateStackInput', {
  description: 'Absent fields stay as they are.',
  fields: (t) => ({
    stackId: t.id({ required: true, description: '`stk_…`' }),
    name: t.string({ description: 'At most 200 characters.' }),
    description: t.string({ description: 'At most 1,000 characters; null clears.' }),
    webhook: t.field({
      type: StackWebhookEnum,
      description: 'Who may run it by its address; null: NONE. Whenever that becomes TOKEN, the token is another.',
    }),
    webhookMethod: t.field({ type: WebhookMethodEnum, description: 'How its address is asked. Null: either way.' }),
    actions: t.field({
      type: [ActionInputType],
      description: 'Replaces all steps; 1 to 50. They must fit every job that uses the stack.',
    }),
    version: t.int({ description: 'The version that you know: another one is a ConflictError.' }),
  }),
})

const DeleteStackInput = builder.inputType('DeleteStackInput', {
  description: 'Which stack to delete.',
  fields: (t) => ({ stackId: t.id({ required: true, description: '`stk_…`' }) }),
})

const RunStackInput = builder.inputType('RunStackInput', {
  description: 'A run of a stack by itself.',
  fields: (t) => ({
    stackId: t.id({ required: true, description: '`stk_…`' }),
    payload: t.field({ type: 'JSON', description: 'Becomes the run’s input; at most 256 KiB.' }),
    overlap: t.field({ type: OverlapPolicyEnum, description: 'For this run only. Default: QUEUE_ALL.' }),
    priority: t.int({ description: '-100 to 100, lower goes first; for this run only. Default: 0.' }),
  }),
})

builder.mutationFields((t) => ({
  createStack: t.field({
    type: StackType,
    errors: {},
    description: 'Makes a stack of your own.',
    args: { input: t.arg({ type: CreateStackInput, required: true, description: 'The stack.' }) },
    resolve: (_root, { input }, { stacks, viewer }) => stacks.create(viewer, input),
  }),
  updateStack: t.field({
    type: StackType,
    errors: {},
    description: 'Changes a stack, and so what the next runs of its jobs do. Runs that are queued stay as they are.',
    args: { input: t.arg({ type: UpdateStackInput, required: true, description: 'What to change.' }) },
    resolve: (_root, { input }, { stacks, viewer }) =>
      stacks.update(viewer, { ...input, stackId: expectId('Stack', input.stackId) }),
  }),
  deleteStack: t.field({
    type: StackType,
    errors: {},
    description: 'Deletes a stack that no job uses: what waits is skipped, what runs finishes. Answers what it was.',
    args: { input: t.arg({ type: DeleteStackInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input }, { stacks, viewer }) => stacks.remove(viewer, expectId('Stack', input.stackId)),
  }),
  runStack: t.field({
    type: RunType,
    errors: {},
    description: 'Runs a stack by itself, now. Its job is in no list; `Run.job` shows it.',
    args: { input: t.arg({ type: RunStackInput, required: true, description: 'Which, and with what.' }) },
    resolve: (_root, { input }, { stacks, viewer }) =>
      stacks.run(viewer, { ...input, stackId: expectId('Stack', input.stackId) }),
  }),
}))
