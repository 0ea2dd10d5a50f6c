import type { Membership, Principal } from '../db/generated/prisma/client.ts'
import { addNode, builder } from '../graphql/builder.ts'
import { expectId, formatId } from '../kernel/ids.ts'
import { mayManage } from './permissions.ts'
import { SCOPES } from './viewer.ts'

const PrincipalKindEnum = builder.enumType('PrincipalKind', {
  description: 'A person, or a group of them.',
  values: ['USER', 'TEAM'] as const,
})

export const PrincipalType = builder.prismaObject('Principal', {
  authScopes: { signedIn: true },
  fields: (t) => ({
    kind: t.expose('kind', { type: PrincipalKindEnum, description: 'Whether it is a person or a group of them.' }),
    handle: t.exposeString('handle'),
    number: t.exposeInt('number'),
    name: t.exposeString('name', { nullable: true, description: 'For people.' }),
    email: t.string({
      nullable: true,
      description: 'Shown to themselves and to administrators.',
      resolve: ({ id, email }, _args, { viewer }) => (mayManage(viewer, { ownerId: id }) ? email : null),
    }),
    metadata: t.field({
      type: 'JSON',
      nullable: true,
      description: 'Whatever they keep about themselves; shown to themselves and to administrators.',
      resolve: ({ id, metadata }, _args, { viewer }) => (mayManage(viewer, { ownerId: id }) ? metadata : null),
    }),
    isAdmin: t.exposeBoolean('isAdmin', { description: 'Whether it may do everything, with a token that may.' }),
    runLimit: t.exposeInt('runLimit', {
      nullable: true,
      description: 'How many runs of its jobs may work at once; null: no limit.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    members: t.field({
      type: [MembershipType],
      description: 'Of a team who is in it, the first 1,000 of them; for those who are, and for administrators.',
      complexity: 10,
      resolve: ({ id }, _args, { identity, viewer }) => identity.membersOf(viewer, id),
    }),
    tokens: t.field({
      type: [ApiTokenType],
      description: 'The newest 100 tokens; of oneself, or for administrators.',
      authScopes: (principal, _args, { viewer }) => mayManage(viewer, { ownerId: principal.id }),
      resolve: ({ id }, _args, { identity }) => identity.tokensOf(id),
    }),
  }),
})

addNode(PrincipalType, async (ids, { identity, viewer }) => (viewer ? identity.principals(ids) : ids.map(() => null)))

const TeamRoleEnum = builder.enumType('TeamRole', {
  description:
    'MEMBER: has all rights on what is the team’s but to delete it. ADMIN: also deletes, and says who is in the team.',
  values: ['MEMBER', 'ADMIN'] as const,
})

const MembershipType = builder.objectRef<Membership & { user: Principal }>('Membership')
MembershipType.implement({
  description: 'A user in a team.',
  fields: (t) => ({
    role: t.expose('role', { type: TeamRoleEnum, description: 'What they may do.' }),
    user: t.expose('user', { type: PrincipalType, description: 'Who it is.' }),
  }),
})

const ApiTokenType = builder.prismaObject('ApiToken', {
  fields: (t) => ({
    id: t.id({ description: '`tok_…`', resolve: ({ id }) => formatId('ApiToken', id) }),
    name: t.exposeString('name', { description: 'What it is for.' }),
    prefix: t.exposeString('prefix'),
    scopes: t.exposeStringList('scopes', {
      description: 'What it may be used for, at most 8 things: what its principal may do, or less.',
    }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true, description: 'Null: never.' }),
    revokedAt: t.expose('revokedAt', { type: 'DateTime', nullable: true, description: 'Null: it was not.' }),
    lastUsedAt: t.expose('lastUsedAt', { type: 'DateTime', nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
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
      principal: t.expose('principal', { type: PrincipalType, description: 'The user.' }),
      token: t.exposeString('token', { description: 'Shown this once.' }),
    }),
  })

const CreatedToken = builder
  .objectRef<{ apiToken: typeof ApiTokenType.$inferType; token: string }>('CreatedToken')
  .implement({
    description: 'A new token.',
    fields: (t) => ({
      apiToken: t.expose('apiToken', { type: ApiTokenType, description: 'All of it but the secret.' }),
      token: t.exposeString('token', { description: 'Shown this once.' }),
    }),
  })

const CreateUserInput = builder.inputType('CreateUserInput', {
  description: 'A new user.',
  fields: (t) => ({
    handle: t.string({ required: true, description: 'Lower-case letters, digits, and . _ - inside; unique.' }),
    name: t.string({ description: 'For people; at most 200 characters.' }),
    email: t.string({ description: 'Shown to the user and to administrators only.' }),
  }),
})

const SetRunLimitInput = builder.inputType('SetRunLimitInput', {
  description: 'How many runs of an owner’s jobs may work at once.',
  fields: (t) => ({
    handle: t.string({ required: true, description: 'Whose; a team with or without `team:`.' }),
    limit: t.int({ description: '1 to 10,000; absent or null: no limit.' }),
  }),
})

const CreateTeamInput = builder.inputType('CreateTeamInput', {
  description: 'A new team.',
  fields: (t) => ({
    handle: t.string({ required: true, description: 'As of a user, with or without `team:` before it.' }),
    name: t.string({ description: 'For people; at most 200 characters.' }),
    admins: t.stringList({ description: 'Handles of its first ADMINs, at most 100.' }),
  }),
})

const SetTeamMemberInput = builder.inputType('SetTeamMemberInput', {
  description: 'Who is to be in which team.',
  fields: (t) => ({
    team: t.string({ required: true, description: 'Handle of the team, with or without `team:`.' }),
    member: t.string({ required: true, description: 'Handle of the user.' }),
    role: t.field({ type: TeamRoleEnum, defaultValue: 'MEMBER', description: 'What they may do.' }),
  }),
})

const RemoveTeamMemberInput = builder.inputType('RemoveTeamMemberInput', {
  description: 'Who is to leave which team.',
  fields: (t) => ({
    team: t.string({ required: true, description: 'Handle of the team, with or without `team:`.' }),
    member: t.string({ required: true, description: 'Handle of the user.' }),
  }),
})

const UpdateProfileInput = builder.inputType('UpdateProfileInput', {
  description: 'What you say of yourself. What is absent stays as it is.',
  fields: (t) => ({
    name: t.string({ description: 'At most 200 characters; null clears.' }),
    metadata: t.field({ type: 'JSON', description: 'An object of at most 16 KiB, in place of what was there.' }),
  }),
})

const CreateTokenInput = builder.inputType('CreateTokenInput', {
  description: 'A new token of your own.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'What it is for.' }),
    scopes: t.stringList({
      description: `1 to ${SCOPES.length} of ${SCOPES.join(', ')}; absent: all that your own token has.`,
    }),
    expiresAt: t.field({ type: 'DateTime', description: 'Absent: never.' }),
  }),
})

const RevokeTokenInput = builder.inputType('RevokeTokenInput', {
  description: 'Which token to end.',
  fields: (t) => ({ tokenId: t.id({ required: true, description: '`tok_…`' }) }),
})

builder.mutationFields((t) => ({
  createUser: t.field({
    type: CreatedUser,
    errors: {},
    description: 'For administrators: makes a user.',
    args: { input: t.arg({ type: CreateUserInput, required: true, description: 'The user.' }) },
    resolve: (_root, { input }, { viewer, identity }) => identity.createUser(viewer, input),
  }),
  setRunLimit: t.field({
    type: PrincipalType,
    errors: {},
    description:
      'For administrators: limits what the jobs of one owner do at once, for runs that are queued from now on.',
    args: { input: t.arg({ type: SetRunLimitInput, required: true, description: 'Whose, and how many.' }) },
    resolve: (_root, { input }, { viewer, identity }) => identity.setRunLimit(viewer, input),
  }),
  createTeam: t.field({
    type: PrincipalType,
    errors: {},
    description: 'For administrators: makes a team.',
    args: { input: t.arg({ type: CreateTeamInput, required: true, description: 'The team.' }) },
    resolve: (_root, { input }, { viewer, identity }) => identity.createTeam(viewer, input),
  }),
  setTeamMember: t.field({
    type: PrincipalType,
    errors: {},
    description: 'For the ADMINs of a team: puts a user into it, or changes their role. Answers the team.',
    args: { input: t.arg({ type: SetTeamMemberInput, required: true, description: 'Who, and where.' }) },
    resolve: (_root, { input }, { viewer, identity }) => identity.setTeamMember(viewer, input),
  }),
  removeTeamMember: t.field({
    type: PrincipalType,
    errors: {},
    description: 'For the ADMINs of a team, and for whoever leaves it: takes a user out of it. Answers the team.',
    args: { input: t.arg({ type: RemoveTeamMemberInput, required: true, description: 'Who, and where.' }) },
    resolve: (_root, { input }, { viewer, identity }) => identity.removeTeamMember(viewer, input),
  }),
  updateProfile: t.field({
    type: PrincipalType,
    errors: {},
    description: 'Changes what you say of yourself; your address only an administrator sets.',
    args: { input: t.arg({ type: UpdateProfileInput, required: true, description: 'What to change.' }) },
    resolve: (_root, { input }, { viewer, identity }) => identity.updateProfile(viewer, input),
  }),
  createToken: t.field({
    type: CreatedToken,
    errors: {},
    description: 'Makes a token of your own with your scopes or fewer.',
    args: { input: t.arg({ type: CreateTokenInput, required: true, description: 'The token.' }) },
    resolve: (_root, { input }, { viewer, identity }) => identity.createToken(viewer, input),
  }),
  revokeToken: t.field({
    type: ApiTokenType,
    errors: {},
    description: 'Ends a token at once.',
    args: { input: t.arg({ type: RevokeTokenInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input }, { viewer, identity }) =>
      identity.revokeToken(viewer, expectId('ApiToken', input.tokenId)),
  }),
}))
