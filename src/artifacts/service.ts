import type pg from 'pg'
import { type Artifact, Prisma, type PrismaClient } from '../db/generated/prisma/client.ts'
import { type ListOrder, listById } from '../db/keyset.ts'
import { sqlIn, sqlOn } from '../db/sql.ts'
import type { Storage } from '../hosting/storage.ts'
import { mayReadArtifact, requireScope } from '../identity/permissions.ts'
import { principalsOf, type Viewer } from '../identity/viewer.ts'
import { pauseJobsOn } from '../jobs/change.ts'
import { ConflictError, ValidationError } from '../kernel/errors.ts'
import { requireVersion } from '../kernel/known-version.ts'
import type { Connection, PageArgs } from '../kernel/pages.ts'
import { validate } from '../kernel/validate.ts'
import { type AgentInput, mergeAgent } from './agent-spec.ts'
import { createApps } from './apps.ts'
import { createContents } from './contents.ts'
import {
  deploy,
  insertArtifact,
  insertVersion,
  lockArtifact,
  lockSlug,
  renewArtifact,
  TELL_SITES,
  tellPublished,
} from './deploy.ts'
import { type ArtifactQuery, countArtifacts, EVERYTHING, readArtifacts } from './queries.ts'
import { mayPublishOn, noSuchArtifact, requireEditable, requireManaged, requireSameReaders } from './rights.ts'
import { changingSites, createSites, type SitesPort } from './sites.ts'
import {
  DEFAULT_LIMITS,
  isSlug,
  listSpec,
  type PublishInput,
  type PublishLimits,
  publishSpec,
  RETENTION_DAYS,
  slugOf,
  updateSpec,
} from './spec.ts'
import { createVersions } from './versions.ts'
import { createPublicationWatch, type PublicationChanges } from './watch.ts'

export type ArtifactService = ReturnType<typeof createArtifactService>

/** A field that is absent stays; `description` null clears. */
export type UpdateInput = {
  artifactId: string
  name?: string | null | undefined
  description?: string | null | undefined
  visibility?: string | null | undefined
  accessPolicy?: unknown
  agent?: unknown
  /** The one that the caller has seen; absent: whichever. */
  version?: number | null | undefined
}

export type ListArgs = PageArgs & {
  filter?: { search?: string | null | undefined; ownerHandle?: string | null | undefined } | null | undefined
  orderBy?: ListOrder | null | undefined
}

export type ArtifactServiceOptions = {
  prisma: PrismaClient
  pool: pg.Pool
  storage: Storage
  /** Where an artifact's viewer page and its site are. */
  addresses: { artifactUrl(slug: string): string; siteUrl(slug: string): string }
  limits?: PublishLimits
  /** Models that agents may use; empty: whichever they name. */
  agentModels?: readonly string[]
  sites: SitesPort
  changes: PublicationChanges
  now?: () => Date
}

function readerOf(viewer: Viewer): ArtifactQuery['reader'] {
  if (!viewer?.scopes.has('artifacts:read')) return null
  return viewer.isAdmin ? EVERYTHING : { principalId: viewer.principalId, shared: [...viewer.roles.keys()] }
}

const RETENTION_MS = RETENTION_DAYS * 24 * 60 * 60 * 1000

/** Artifacts: published under a slug, listed, changed, deleted and brought back. Ids are bare UUIDs. */
export function createArtifactService(options: ArtifactServiceOptions) {
  const { prisma, pool, storage, addresses, sites, limits = DEFAULT_LIMITS, now = () => new Date() } = options
  const sql = sqlOn(pool)
  const spec = publishSpec(limits)
  const changing = changingSites(pool, sites)
  const reservedSince = () => new Date(now().getTime() - RETENTION_MS)

  /** Raises the version. Passes over deleted artifacts: for those who may change it one is NOT_FOUND like for everybody. */
  async function changeLive(
    tx: Prisma.TransactionClient,
    id: string,
    data: Prisma.ArtifactUncheckedUpdateManyInput,
  ): Promise<Artifact> {
    const [changed] = await tx.artifact.updateManyAndReturn({
      where: { id, deletedAt: null },
      data: { ...data, version: { increment: 1 } },
    })
    if (!changed) throw noSuchArtifact()
    return changed
  }

  /** A change of what addresses of sites stand for: the nodes are told, this one before whoever makes it. */
  const changed = <Result>(change: (tx: Prisma.TransactionClient) => Promise<Result>): Promise<Result> =>
    prisma
      .$transaction(async (tx) => {
        const result = await change(tx)
        await sqlIn(tx)(TELL_SITES)
        return result
      })
      .finally(sites.changed)

  async function managed(viewer: Viewer, id: string): Promise<Artifact> {
    requireScope(viewer, 'artifacts:write')
    return requireManaged(viewer, await prisma.artifact.findUnique({ where: { id } }))
  }

  function requireModel(agent: AgentInput | null | undefined): void {
    const models = options.agentModels ?? []
    if (agent?.model == null || models.length === 0 || models.includes(agent.model)) return
    throw ValidationError.at('agent.model', `must be one of ${models.join(', ')}`)
  }

  return {
    ...createVersions({ prisma, pool, sites }),
    ...createSites({ pool }),
    ...createApps({ pool, addresses }),
    ...createContents({ prisma, pool, storage }),
    ...createPublicationWatch(options),
    ...addresses,

    /**
     * A new version under the slug, live at once unless `deploy` is false; the first one makes the artifact and is always
     * live, as the lists and the sites rely on it. ConflictError SLUG_TAKEN: the slug is somebody else's, also for 30
     * days after they deleted it. One's own deleted artifact comes back. Editors publish too, and leave who sees it.
     */
    async publish(viewer: Viewer, input: PublishInput): Promise<Artifact & { versionId: string }> {
      const { principalId } = requireScope(viewer, 'artifacts:write')
      const publication = validate(spec, input)
      requireModel(publication.agent)
      const slug = publication.slug ?? slugOf(publication.name)
      return changing(async (tx) => {
        const before = await lockSlug(tx, slug, reservedSince())
        const made = before ? null : await insertArtifact(tx, principalId, slug, publication)
        if (made && !publication.deploy) throw ValidationError.at('deploy', 'must be true for the first version')
        const there = made ?? before ?? (await lockSlug(tx, slug, reservedSince()))
        if (there && !mayPublishOn(viewer, there)) throw new ConflictError(`the slug ${slug} is taken`, 'SLUG_TAKEN')
        if (there) requireSameReaders(viewer, there, publication)
        const artifact = made ?? (there && (await renewArtifact(tx, there, publication)))
        if (!artifact) throw new ConflictError(`the slug ${slug} changed hands just now; publish again`)
        const version = await insertVersion(tx, { storage, limits }, artifact, principalId, publication)
        if (publication.deploy) await deploy(tx, artifact, version, principalId)
        else await tx(TELL_SITES)
        if (there?.deletedAt) await tellPublished(tx, artifact.id)
        return { ...artifact, lastVersionNo: version.versionNo, versionId: version.id }
      })
    },

    /** @throws ConflictError VERSION when it is not the version that the caller knows */
    async update(viewer: Viewer, { artifactId, version, ...input }: UpdateInput): Promise<Artifact> {
      requireScope(viewer, 'artifacts:write')
      const { accessPolicy, agent, ...fields } = validate(updateSpec, input)
      requireModel(agent)
      const changes = Object.entries(fields).filter(([, value]) => value !== undefined)
      return changed(async (tx) => {
        const before = requireEditable(viewer, await lockArtifact(sqlIn(tx), artifactId, { deleted: true }))
        requireVersion('artifact', before, version)
        requireSameReaders(viewer, before, { visibility: fields.visibility, accessPolicy })
        return changeLive(tx, artifactId, {
          ...Object.fromEntries(changes),
          ...(accessPolicy !== undefined && { accessPolicy: accessPolicy ?? Prisma.DbNull }),
          ...(agent !== undefined && { agent: agent ? mergeAgent(before.agent, agent) : Prisma.DbNull }),
        })
      })
    },

    /** Gone at once, restorable for 30 days. Its jobs are paused, and stay so when it comes back. */
    async remove(viewer: Viewer, artifactId: string): Promise<Artifact> {
      await managed(viewer, artifactId)
      return changed(async (tx) => {
        const removed = await changeLive(tx, artifactId, { deletedAt: now() })
        await pauseJobsOn(tx, artifactId)
        await tellPublished(sqlIn(tx), artifactId)
        return removed
      })
    },

    /** Brings a deleted artifact back; one that is not deleted stays as it is. ConflictError after 30 days. */
    async restore(viewer: Viewer, artifactId: string): Promise<Artifact> {
      const artifact = await managed(viewer, artifactId)
      if (!artifact.deletedAt) return artifact
      if (artifact.deletedAt <= reservedSince()) {
        throw new ConflictError(`it was deleted more than ${RETENTION_DAYS} days ago`)
      }
      return changed(async (tx) => {
        await tellPublished(sqlIn(tx), artifactId)
        return tx.artifact.update({ where: { id: artifactId }, data: { deletedAt: null, version: { increment: 1 } } })
      })
    },

    /** Null where there is none, or none that the viewer may read. */
    async find(viewer: Viewer, key: { id: string } | { slug: string }): Promise<Artifact | null> {
      if ('slug' in key && !isSlug(key.slug)) return null
      const artifact = await prisma.artifact.findFirst({ where: { ...key, deletedAt: null } })
      return artifact && mayReadArtifact(viewer, artifact) ? artifact : null
    },

    /** In the order of the ids; null where there is none, or none that the viewer may read. */
    async byIds(viewer: Viewer, ids: readonly string[]): Promise<(Artifact | null)[]> {
      const found = await prisma.artifact.findMany({ where: { id: { in: [...ids] }, deletedAt: null } })
      const byId = new Map(found.filter((row) => mayReadArtifact(viewer, row)).map((row) => [row.id, row]))
      return ids.map((id) => byId.get(id) ?? null)
    },

    /** In the order of the ids, deleted ones too. Whoever asks has read a version of each, so nothing is checked. */
    async ofVersions(ids: readonly string[]): Promise<(Artifact | null)[]> {
      const found = await prisma.artifact.findMany({ where: { id: { in: [...ids] } } })
      const byId = new Map(found.map((row) => [row.id, row]))
      return ids.map((id) => byId.get(id) ?? null)
    },

    /** The viewer's own and those that they collaborate on, the newest first. */
    async ownAndShared(viewer: Viewer, { limit, offset }: { limit: number; offset: number }) {
      const reader = requireScope(viewer, 'artifacts:read')
      const owned = { ownerId: { in: principalsOf(reader) } }
      const where = { deletedAt: null, OR: [owned, { id: { in: [...reader.roles.keys()] } }] }
      const [found, total] = await Promise.all([
        prisma.artifact.findMany({ where, orderBy: { id: 'desc' }, take: limit, skip: offset }),
        prisma.artifact.count({ where }),
      ])
      return { artifacts: found, total }
    },

    /** The viewer's own and everybody's PUBLIC ones; all of them for administrators. */
    async list(viewer: Viewer, { filter, ...args }: ListArgs): Promise<Connection<Artifact>> {
      const { search, ownerHandle } = validate(listSpec, filter ?? {})
      const query: ArtifactQuery = {
        reader: readerOf(viewer),
        search: search ?? null,
        ownerHandle: ownerHandle ?? null,
      }
      return listById(args, {
        rows: (page) => readArtifacts(sql, query, page),
        count: () => countArtifacts(sql, query),
      })
    },
  }
}
