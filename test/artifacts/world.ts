/** A database with a few people in it, and the service of artifacts. */
import { createArtifactService } from '../../src/artifacts/service.ts'
import type { PublishInput } from '../../src/artifacts/spec.ts'
import type { PublicationChanges } from '../../src/artifacts/watch.ts'
import type { Database } from '../../src/db/client.ts'
import { createPostgresStorage } from '../../src/hosting/storage.ts'
import { SCOPES, type Scope, type SignedIn } from '../../src/identity/viewer.ts'
import { newId } from '../../src/kernel/ids.ts'
import { createTestDatabase } from '../support/database.ts'

export type World = Awaited<ReturnType<typeof createWorld>>

export async function createWorld() {
  const database = await createTestDatabase()
  const { prisma, pool } = database
  const storage = createPostgresStorage(pool)
  const clock = { now: () => new Date() }
  const addresses = {
    artifactUrl: (slug: string) => `https://runsheet.example/a/${slug}/`,
    siteUrl: (slug: string) => `https://${slug}.sites.example/`,
  }
  /** Nobody serves them here. */
  const sites = { changed() {} }
  const changes = {} as PublicationChanges
  const artifacts = createArtifactService({ prisma, pool, storage, addresses, sites, changes, now: () => clock.now() })
  return { database, artifacts, storage, clock, addresses, sites, changes, close: () => database.close() }
}

/** A principal with the scopes of a user, or those given. */
export async function signUp(
  { prisma }: Database,
  handle: string,
  { isAdmin = false, scopes = SCOPES.filter((scope) => isAdmin || scope !== 'admin') as readonly Scope[] } = {},
): Promise<SignedIn> {
  const id = newId()
  const kind = handle.startsWith('team:') ? 'TEAM' : 'USER'
  await prisma.principal.create({ data: { id, handle, kind, isAdmin } })
  return {
    principalId: id,
    handle,
    isAdmin,
    scopes: new Set(scopes),
    tokenId: newId(),
    email: null,
    roles: new Map(),
    teams: new Map(),
  }
}

/** Something to publish: one page that says `text`. */
export const page = (slug: string, text = 'hello', more: Partial<PublishInput> = {}): PublishInput => ({
  name: slug,
  slug,
  files: [{ path: 'index.html', content: `<p>${text}</p>` }],
  ...more,
})
