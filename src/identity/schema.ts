import { addNode, builder } from '../graphql/builder.ts'
import { expectId, formatId } from '../kernel/ids.ts'
import { mayManage } from './permissions.ts'
import { SCOPES } from './viewer.ts'

export const PrincipalType = builder.prismaObject('Principal', {
  authScopes: { signedIn: true },
  fields: (t) => ({
    kind: t.expose('kind', { type: builder.enumType('PrincipalKind', { values: ['USER', 'TEAM'] as const }) }),
    handle: t.exposeString('handle'),
    number: t.exposeInt('number'),
    name: t.exposeString('name', { nullable: true }),
    email: t.string({
      nullable: true,
      description: 'Shown to themselves and to administrators.',
      resolve: ({ id, email }, _args, { viewer }) => (mayManage(viewer, { ownerId: id }) ? email : null),
    }),
    isAdmin: t.exposeBoolean('isAdmin'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    tokens: t.field({
      type: [ApiTokenType],
      description: 'The newest 100 tokens; of oneself, or for administrators.',
      authScopes: (principal, _args, { viewer }) => mayManage(viewer, { ownerId: principal.id }),
      resolve: ({ id }, _args, { identity }) => identity.tokensOf(id),
    }),
  }),
})

addNode(PrincipalType, (ids, { identity }) => identity.principals(ids))

const ApiTokenType = builder.prismaObject('ApiToken', {
  fields: (t) => ({
    id: t.id({ resolve: ({ id }) => formatId('ApiToken', id) }),
    name: t.exposeString('name'),
    prefix: t.exposeString('prefix'),
    scopes: t.exposeStringList('scopes'),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true }),
    revokedAt: t.expose('revokedAt', { type: 'DateTime', nullable: true }),
    lastUsedAt: t.expose('lastUsedAt', { type: 'DateTime', nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
  }),
})

builder.queryField('viewer', (t) =>
  t.field({
    type: PrincipalType,
    nullable: true,
    description: 'Who you are; null without a token.',
    resolve: async (_root, _args, { viewer, identity }) =>
      viewer ? ((await identity.principals([viewer.principalId]))[0] ?? null) : null,
  }),
)

const CreatedUser = builder
  .objectRef<{ principal: typeof PrincipalType.$inferType; token: string }>('CreatedUser')
  .implement({
    description: 'A new user with a first token.',
    fields: (t) => ({
      principal: t.expose('principal', { type: PrincipalType }),
      token: t.exposeString('token', { description: 'Shown this once.' }),
    }),
  })

const CreatedToken = builder
  .objectRef<{ apiToken: typeof ApiTokenType.$inferType; token: string }>('CreatedToken')
  .implement({
    description: 'A new token.',
    fields: (t) => ({
      apiToken: t.expose('apiToken', { type: ApiTokenType }),
      token: t.exposeString('token', { description: 'Shown this once.' }),
    }),
  })

const CreateUserInput = builder.inputType('CreateUserInput', {
  fields: (t) => ({
    handle: t.string({ required: true, description: 'Lower-case letters, digits, and . _ - inside; unique.' }),
    name: t.string(),
    email: t.string(),
  }),
})

const CreateTokenInput = builder.inputType('CreateTokenInput', {
  fields: (t) => ({
    name: t.string({ required: true, description: 'What it is for.' }),
    scopes: t.stringList({ description: `Of ${SCOPES.join(', ')}; absent: all that your own token has.` }),
    expiresAt: t.field({ type: 'DateTime', description: 'Absent: never.' }),
  }),
})

const RevokeTokenInput = builder.inputType('RevokeTokenInput', {
  fields: (t) => ({ tokenId: t.id({ required: true }) }),
})

builder.mutationFields((t) => ({
  createUser: t.field({
    type: CreatedUser,
    errors: {},
    description: 'For administrators: makes a user.',
    args: { input: t.arg({ type: CreateUserInput, required: true }) },
    resolve: (_root, { input }, { viewer, identity }) => identity.createUser(viewer, input),
  }),
  createToken: t.field({
    type: CreatedToken,
    errors: {},
    description: 'Makes a token of your own with your scopes or fewer.',
    args: { input: t.arg({ type: CreateTokenInput, required: true }) },
    resolve: (_root, { input }, { viewer, identity }) => identity.createToken(viewer, input),
  }),
  revokeToken: t.field({
    type: ApiTokenType,
    errors: {},
    description: 'Ends a token at once.',
    args: { input: t.arg({ type: RevokeTokenInput, required: true }) },
    resolve: (_root, { input }, { viewer, identity }) =>
      identity.revokeToken(viewer, expectId('ApiToken', input.tokenId)),
  }),
}))
