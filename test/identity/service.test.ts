/** Principals and tokens below the API: the first administrator, what is stored of a token, and races. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '../../src/db/client.ts'
import { createIdentityService, type IdentityService } from '../../src/identity/service.ts'
import { SCOPES, type SignedIn } from '../../src/identity/viewer.ts'
import { createTestDatabase } from '../support/database.ts'

const FIRST = 'the-first-administrator-token'
const SECOND = 'the-second-administrator-token'

let database: Database
let identity: IdentityService
let now = new Date('2030-01-01T00:00:00Z')

beforeAll(async () => {
  database = await createTestDatabase()
  identity = createIdentityService({ ...database, now: () => now })
})
afterAll(() => database.close())

const admin = async (token = FIRST) => (await identity.authenticate(token)) as SignedIn
const tokens = (handle: string) => database.prisma.apiToken.findMany({ where: { principal: { handle } } })
const invalid = expect.objectContaining({ code: 'UNAUTHENTICATED' })

describe('the first administrator', () => {
  it('is made once, with the token of the setting, however many nodes start at the same time', async () => {
    await Promise.all([1, 2, 3, 4].map(() => identity.bootstrapAdmin(FIRST)))
    expect(await database.prisma.principal.findMany()).toMatchObject([{ handle: 'admin', kind: 'USER', isAdmin: true }])
    expect(await tokens('admin')).toHaveLength(1)
    expect(await admin()).toMatchObject({ handle: 'admin', isAdmin: true, scopes: new Set(SCOPES) })
  })

  it('loses the earlier token when the setting changes, and only that one', async () => {
    const further = await identity.createToken(await admin(), { name: 'further' })
    await identity.bootstrapAdmin(SECOND)
    await expect(identity.authenticate(FIRST)).rejects.toEqual(invalid)
    expect(await admin(SECOND)).toMatchObject({ isAdmin: true })
    expect(await admin(further.token)).toMatchObject({ isAdmin: true })
    await identity.bootstrapAdmin(FIRST)
    await expect(identity.authenticate(SECOND)).rejects.toEqual(invalid)
  })

  it('has the token of the setting whole again at the next start, whatever became of it', async () => {
    const [before] = (await tokens('admin')).filter(({ name }) => name === 'ADMIN_TOKEN')
    const data = { revokedAt: now, expiresAt: now, scopes: ['artifacts:read', 'jobs:read'] }
    await database.prisma.apiToken.update({ where: { id: before?.id ?? '' }, data })
    await expect(identity.authenticate(FIRST)).rejects.toEqual(invalid)
    await identity.bootstrapAdmin(FIRST)
    expect(await admin()).toMatchObject({ isAdmin: true, scopes: new Set(SCOPES), tokenId: before?.id })
  })

  it('gets the token of the setting even when it was somebody else’s', async () => {
    const { token } = await identity.createUser(await admin(), { handle: 'finder' })
    await identity.bootstrapAdmin(token)
    expect(await admin(token)).toMatchObject({ handle: 'admin', isAdmin: true })
    await identity.bootstrapAdmin(FIRST)
  })

  it('cannot take the name of the setting for a token of another kind, which the next start would delete', async () => {
    const attempt = identity.createToken(await admin(), { name: 'ADMIN_TOKEN' })
    await expect(attempt).rejects.toMatchObject({ issues: [{ path: 'name' }] })
  })
})

describe('a token', () => {
  it('is stored as its SHA-256 and shown once', async () => {
    const { token, apiToken } = await identity.createToken(await admin(), { name: 'stored' })
    expect(token).toMatch(/^rst_[\w-]{43}$/)
    expect(Buffer.from(apiToken.hash)).toEqual(createHash('sha256').update(token).digest())
    const [row] = await database.pool.query('select * from api_token where id = $1', [apiToken.id]).then((r) => r.rows)
    const kept = Object.values(row).map((value) => (Buffer.isBuffer(value) ? value.toString('latin1') : String(value)))
    expect(kept.filter((value) => value.includes(token))).toEqual([])
    expect(apiToken.prefix).toBe(token.slice(0, 8))
  })

  it('ends at its expiry, to the millisecond', async () => {
    const expiresAt = new Date(now.getTime() + 60_000)
    const { token } = await identity.createToken(await admin(), { name: 'short', expiresAt })
    now = new Date(expiresAt.getTime() - 1)
    expect(await identity.authenticate(token)).toMatchObject({ handle: 'admin' })
    now = expiresAt
    await expect(identity.authenticate(token)).rejects.toEqual(invalid)
  })

  it('remembers when it was used, to the minute', async () => {
    const { token, apiToken } = await identity.createToken(await admin(), { name: 'used' })
    const used = async () =>
      (await database.prisma.apiToken.findUniqueOrThrow({ where: { id: apiToken.id } })).lastUsedAt?.getTime()
    const start = now.getTime()
    await identity.authenticate(token)
    now = new Date(start + 59_000)
    await identity.authenticate(token)
    expect(await used()).toBe(start)
    now = new Date(start + 61_000)
    await identity.authenticate(token)
    expect(await used()).toBe(start + 61_000)
  })

  it('is nobody’s when it is empty, absurdly long or not a token at all', async () => {
    for (const token of ['', ' ', 'x'.repeat(1_000_000), 'rst_', '\0', "' or true --"]) {
      await expect(identity.authenticate(token)).rejects.toEqual(invalid)
    }
    expect(await identity.authenticate(undefined)).toBeNull()
  })

  it('carries a scope once, however often it was asked for', async () => {
    const scopes = ['jobs:read', 'jobs:read']
    const { apiToken } = await identity.createToken(await admin(), { name: 'twice', scopes })
    expect(apiToken.scopes).toEqual(['jobs:read'])
  })
})

describe('a handle', () => {
  it('goes to one of those who want it at the same time, and leaves nothing of the others', async () => {
    const viewer = await admin()
    const attempts = await Promise.allSettled(
      [1, 2, 3, 4, 5].map(() => identity.createUser(viewer, { handle: 'raced' })),
    )
    const lost = attempts.flatMap((attempt) => (attempt.status === 'rejected' ? [attempt.reason] : []))
    expect(lost).toHaveLength(4)
    for (const reason of lost) expect(reason).toMatchObject({ name: 'ConflictError', code: 'HANDLE_TAKEN' })
    expect(await database.prisma.principal.count({ where: { handle: 'raced' } })).toBe(1)
    expect(await tokens('raced')).toHaveLength(1)
  })
})
