import type pg from 'pg'
import type { DatabaseClock } from '../db/clock.ts'
import { fieldsOf } from '../db/columns.ts'
import { isUniqueViolation } from '../db/errors.ts'
import { type ApiToken, type Principal, Prisma, type PrismaClient } from '../db/generated/prisma/client.ts'
import { shapedSqlOn, sqlOn } from '../db/sql.ts'
import { ConflictError, ForbiddenError, NotFoundError, ValidationError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import { validate } from '../kernel/validate.ts'
import { requireAdmin, requireSignedIn } from './permissions.ts'
import { principalNamed } from './principals.ts'
import { type KnownToken, type PrincipalField, principalsByIds, readToken, readTokens } from './queries.ts'
import {
  type CreateTokenInput,
  type CreateUserInput,
  createTokenSpec,
  createUserSpec,
  type ProfileInput,
  profileSpec,
  type RunLimitInput,
  runLimitSpec,
} from './spec.ts'
import { createTeams } from './teams.ts'
import { askTogether } from './together.ts'
import { hashToken, newToken, prefixOf } from './tokens.ts'
import { SCOPES, type Scope, type SignedIn, type Viewer } from './viewer.ts'

export type IdentityService = ReturnType<typeof createIdentityService>

const BOOTSTRAP_TOKEN = 'ADMIN_TOKEN'
const USER_SCOPES = SCOPES.filter((scope) => scope !== 'admin')

/** The row of a token, which the caller is shown once. */
const rowOf = (token: string, name: string, scopes: readonly Scope[]) => ({
  id: newId(),
  name,
  prefix: prefixOf(token),
  hash: hashToken(token),
  scopes: [...new Set(scopes)],
})

/** Principals and their tokens. A token is shown once, when it is made; only its SHA-256 is kept. */
export function createIdentityService(deps: {
  prisma: PrismaClient
  pool: pg.Pool
  now?: () => Date
  /** Is told the time of the database with every token that is looked at. */
  databaseClock?: Pick<DatabaseClock, 'tell'>
}) {
  const { prisma, pool, now = () => new Date(), databaseClock } = deps
  const [sql, shaped] = [sqlOn(pool), shapedSqlOn(pool)]

  async function viewerOf(found: KnownToken | null): Promise<SignedIn> {
    if (found) databaseClock?.tell(found.at)
    if (!found || found.revokedAt || (found.expiresAt && found.expiresAt <= now())) {
      throw new ForbiddenError('the token is not valid', 'UNAUTHENTICATED')
    }
    const minuteAgo = new Date(now().getTime() - 60_000)
    if (!found.lastUsedAt || found.lastUsedAt < minuteAgo) {
      await prisma.apiToken.updateMany({ where: { id: found.id }, data: { lastUsedAt: now() } })
    }
    const scopes = new Set(found.scopes)
    const { principalId, handle, email, roles, teams } = found
    return {
      ...{ principalId, handle, email, scopes, tokenId: found.id },
      isAdmin: found.isAdmin && scopes.has('admin'),
      roles: new Map(Object.entries(roles ?? {})),
      teams: new Map(Object.entries(teams ?? {})),
    }
  }

  /** Nothing is remembered, so a token that has ended is nobody's at once. */
  const viewerOfToken = askTogether<string, SignedIn>(async (tokens) => {
    const found = await readTokens(sql, tokens.map(hashToken))
    return Promise.all(found.map((token) => viewerOf(token).catch((error: Error) => error)))
  })

  return {
    ...createTeams({ prisma }),

    /** The viewer of a token; null without one. A token that is wrong, expired or revoked is UNAUTHENTICATED. */
    async authenticate(token: string | undefined): Promise<Viewer> {
      return token === undefined ? null : viewerOfToken(token)
    },

    /** The viewer of a token that was shown before, as by a cookie: it may have ended meanwhile. */
    authenticateAgain: async (tokenId: string): Promise<SignedIn> => viewerOf(await readToken(sql, tokenId)),

    /**
     * Makes sure that the principal `admin` exists and that this token, and no earlier one from the setting, is its.
     * Nodes may do so at the same time: Prisma's upsert would look first and then fail to insert.
     */
    async bootstrapAdmin(token: string): Promise<void> {
      const handle = 'admin'
      const data = [{ id: newId(), handle, name: 'Administrator', isAdmin: true }]
      await prisma.principal.createMany({ data, skipDuplicates: true })
      const { id: principalId } = await prisma.principal.findUniqueOrThrow({ where: { handle } })
      const { id, hash, ...fresh } = rowOf(token, BOOTSTRAP_TOKEN, SCOPES)
      const whole = { ...fresh, principalId, revokedAt: null, expiresAt: null }
      await prisma.$transaction([
        prisma.apiToken.deleteMany({ where: { principalId, name: BOOTSTRAP_TOKEN, hash: { not: hash } } }),
        prisma.apiToken.createMany({ data: [{ id, hash, ...whole }], skipDuplicates: true }),
        prisma.apiToken.update({ where: { hash }, data: whole }),
      ])
    },

    /** For administrators: a user with a first token that has every scope but `admin`. */
    async createUser(viewer: Viewer, input: CreateUserInput): Promise<{ principal: Principal; token: string }> {
      requireAdmin(viewer)
      const { handle, name, email } = validate(createUserSpec, input)
      const token = newToken()
      const tokens = { create: rowOf(token, 'first token', USER_SCOPES) }
      const principal = await prisma.principal
        .create({ data: { id: newId(), handle, name: name ?? null, email: email ?? null, tokens } })
        .catch((error) => {
          throw isUniqueViolation(error) ? new ConflictError(`the handle ${handle} is taken`, 'HANDLE_TAKEN') : error
        })
      return { principal, token }
    },

    /** For administrators: how many runs of an owner's jobs may work at once, of those that are queued from now on. */
    async setRunLimit(viewer: Viewer, input: RunLimitInput): Promise<Principal> {
      requireAdmin(viewer)
      const { handle, limit } = validate(runLimitSpec, input)
      const found = await principalNamed(prisma, handle)
      if (!found) throw new NotFoundError(`there is no ${handle}`)
      return prisma.principal.update({ where: { id: found.id }, data: { runLimit: limit ?? null } })
    },

    /** What the viewer says of themselves. Their address is not theirs to change: rights hang on it. */
    async updateProfile(viewer: Viewer, input: ProfileInput): Promise<Principal> {
      const { principalId: id } = requireSignedIn(viewer)
      const { name, metadata } = validate(profileSpec, input)
      const data = {
        ...(name !== undefined && { name }),
        ...(metadata !== undefined && { metadata: metadata as Prisma.InputJsonObject }),
      }
      return prisma.principal.update({ where: { id }, data })
    },

    /** A further token of the viewer's own, with the viewer's scopes or fewer. */
    async createToken(viewer: Viewer, input: CreateTokenInput): Promise<{ apiToken: ApiToken; token: string }> {
      const owner = requireSignedIn(viewer)
      const { name, scopes, expiresAt } = validate(createTokenSpec, input)
      const wanted = scopes ?? [...owner.scopes]
      const excess = wanted.filter((scope) => !owner.scopes.has(scope))
      if (excess.length > 0) {
        throw new ForbiddenError(`your token lacks ${excess.join(', ')}, so it cannot give that`, 'INSUFFICIENT_SCOPE')
      }
      if (name === BOOTSTRAP_TOKEN) throw ValidationError.at('name', 'is kept for the token of that setting')
      if (expiresAt && expiresAt <= now()) throw ValidationError.at('expiresAt', 'must be in the future')
      const token = newToken()
      const data = { ...rowOf(token, name, wanted), principalId: owner.principalId, expiresAt: expiresAt ?? null }
      return { apiToken: await prisma.apiToken.create({ data }), token }
    },

    /** Ends a token at once: one's own, or for an administrator anybody's. Revoking twice is no error. */
    async revokeToken(viewer: Viewer, tokenId: string): Promise<ApiToken> {
      const owner = requireSignedIn(viewer)
      const token = await prisma.apiToken.findUnique({ where: { id: tokenId } })
      if (!token || !(owner.isAdmin || token.principalId === owner.principalId)) {
        throw new NotFoundError('there is no such token')
      }
      if (token.revokedAt) return token
      return prisma.apiToken.update({ where: { id: tokenId }, data: { revokedAt: now() } })
    },

    tokensOf: (principalId: string): Promise<ApiToken[]> =>
      prisma.apiToken.findMany({ where: { principalId }, orderBy: { id: 'desc' }, take: 100 }),

    /**
     * In the order of the ids; null where there is none. `wanted`: the fields that are read of them, of which no others are
     * sure to be there; null: all.
     */
    async principals(ids: readonly string[], wanted: ReadonlySet<string> | null = null): Promise<(Principal | null)[]> {
      const found: Principal[] = await principalsByIds(
        shaped,
        [...new Set(ids)],
        fieldsOf<PrincipalField>(Prisma.PrincipalScalarFieldEnum, wanted, ['id']),
      )
      const byId = new Map(found.map((principal) => [principal.id, principal]))
      return ids.map((id) => byId.get(id) ?? null)
    },
  }
}
