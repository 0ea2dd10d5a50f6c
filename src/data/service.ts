/** Datasets and their rows. Ids are bare UUIDs. */
import type pg from 'pg'
import { noSuchArtifact } from '../artifacts/rights.ts'
import type { ArtifactService } from '../artifacts/service.ts'
import { slugOf } from '../artifacts/spec.ts'
import { isUniqueViolation } from '../db/errors.ts'
import type { Artifact, Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import { type ListOrder, listById } from '../db/keyset.ts'
import { mayEditArtifact, mayHandTo, mayReadArtifact, requireScope, roleOn } from '../identity/permissions.ts'
import { type NamedPrincipal, requirePrincipal } from '../identity/principals.ts'
import { principalsOf, type Viewer } from '../identity/viewer.ts'
import { ConflictError, ForbiddenError, ValidationError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import { requireVersion } from '../kernel/known-version.ts'
import type { Connection, PageArgs } from '../kernel/pages.ts'
import { flawOfJson } from '../kernel/storable.ts'
import { validate } from '../kernel/validate.ts'
import { createDirectory } from './directory.ts'
import { accessOf, type LoadedDataset, mayChangeDataset, noSuchDataset } from './rights.ts'
import { createRowService } from './row-service.ts'
import { createSnapshotService } from './snapshot-service.ts'
import { type CreateDatasetInput, createDatasetSpec, type UpdateDatasetInput, updateDatasetSpec } from './spec.ts'
import { createTableService } from './table-service.ts'

export type DataService = ReturnType<typeof createDataService>

export type DatasetFilter = {
  artifactId?: string | null | undefined
  search?: string | null | undefined
  ownerHandle?: string | null | undefined
}

const withArtifact = { artifact: true } as const

export function createDataService(deps: {
  prisma: PrismaClient
  pool: pg.Pool
  artifacts: ArtifactService
  limits: { rows: number }
}) {
  const { prisma, pool, artifacts, limits } = deps

  async function readable(viewer: Viewer, where: Prisma.DatasetWhereInput): Promise<LoadedDataset | null> {
    const dataset = await prisma.dataset.findFirst({ where, include: withArtifact })
    return dataset && accessOf(viewer, dataset) ? dataset : null
  }

  /** A dataset that the viewer may change. */
  async function requireOwn(viewer: Viewer, id: string): Promise<LoadedDataset> {
    requireScope(viewer, 'data:write')
    const dataset = await prisma.dataset.findUnique({ where: { id }, include: withArtifact })
    if (!dataset || dataset.artifact?.deletedAt) throw noSuchDataset()
    if (mayChangeDataset(viewer, dataset)) return dataset
    throw accessOf(viewer, dataset)
      ? new ForbiddenError('only its owner and the editors of its artifact may change a dataset')
      : noSuchDataset()
  }

  /** An artifact on which the viewer may put datasets, whether their token may read it or not. */
  async function requireArtifact(viewer: Viewer, id: string): Promise<Artifact> {
    const artifact = await prisma.artifact.findFirst({ where: { id, deletedAt: null } })
    if (!artifact || !(roleOn(viewer, artifact) || mayReadArtifact(viewer, artifact))) throw noSuchArtifact()
    if (mayEditArtifact(viewer, artifact)) return artifact
    throw new ForbiddenError('only the owner and the editors of an artifact may put datasets on it')
  }

  /** In the order of the ids; null where there is none that the viewer may read. */
  async function byIds(viewer: Viewer, ids: readonly string[]): Promise<(LoadedDataset | null)[]> {
    const found = await prisma.dataset.findMany({ where: { id: { in: [...ids] } }, include: withArtifact })
    const byId = new Map(found.filter((each) => accessOf(viewer, each)).map((each) => [each.id, each]))
    return ids.map((id) => byId.get(id) ?? null)
  }

  /** On an artifact of the viewer's, or on none. ConflictError NAME_TAKEN on the artifact, else SLUG_TAKEN. */
  async function create(
    viewer: Viewer,
    input: CreateDatasetInput & { artifactId?: string | null | undefined },
  ): Promise<LoadedDataset> {
    const { principalId } = requireScope(viewer, 'data:write')
    const { name, slug, description } = validate(createDatasetSpec, input)
    const artifact = input.artifactId ? await requireArtifact(viewer, input.artifactId) : null
    const ownerId = artifact?.ownerId ?? principalId
    const data = { id: newId(), ownerId, createdById: principalId, artifactId: artifact?.id ?? null }
    return prisma.dataset
      .create({
        data: { ...data, name, slug: slug ?? slugOf(name, 'dataset'), description: description || null },
        include: withArtifact,
      })
      .catch((error) => rejectTaken(error, artifact !== null))
  }

  const rows = createRowService({ prisma, pool, requireOwn, limits })

  return {
    ...rows,
    ...createTableService({ prisma, requireOwn, create, rows, limits }),
    create,
    ...createDirectory({ prisma, listed }),
    ...createSnapshotService({ prisma, pool, requireOwn, readable: byIds }),
    byIds,

    find: (viewer: Viewer, key: { id: string } | { artifactId: string; name: string }) => readable(viewer, key),

    /** Of an artifact that the viewer may read; else the viewer's own, and for administrators all. */
    async list(
      viewer: Viewer,
      args: PageArgs & { filter?: DatasetFilter | null | undefined; orderBy?: ListOrder | null | undefined },
    ): Promise<Connection<LoadedDataset>> {
      const where = await listed(viewer, args.filter ?? {})
      return listById(args, {
        rows: (query) =>
          prisma.dataset.findMany({ ...query, where: { AND: [where, query.where] }, include: withArtifact }),
        count: () => prisma.dataset.count({ where }),
      })
    },

    /** @throws ConflictError VERSION when it is not the version that the caller knows */
    async update(
      viewer: Viewer,
      { datasetId, version, ...input }: UpdateDatasetInput & { datasetId: string; version?: number | null | undefined },
    ): Promise<LoadedDataset> {
      requireScope(viewer, 'data:write')
      const { description, ...given } = validate(updateDatasetSpec, input)
      const before = await requireOwn(viewer, datasetId)
      const data = {
        ...(given.name !== undefined && { name: given.name }),
        ...(given.slug !== undefined && { slug: given.slug }),
        ...(description !== undefined && { description: description || null }),
        updatedAt: new Date(),
        version: { increment: 1 },
      }
      const [changed] = await prisma.dataset
        .updateManyAndReturn({ where: { id: datasetId, ...(version != null && { version }) }, data })
        .catch((error) => rejectTaken(error, before.artifactId !== null))
      if (!changed) {
        requireVersion('dataset', await requireOwn(viewer, datasetId), version)
        throw noSuchDataset()
      }
      return { ...changed, artifact: before.artifact }
    },

    /**
     * Hands a dataset of the viewer's that is on no artifact to themselves or to a team of theirs; administrators hand to
     * anybody. Jobs that use it ask each time whether their owner may.
     * @throws ValidationError for an unknown owner, ConflictError SLUG_TAKEN, OF_ARTIFACT
     */
    async transfer(
      viewer: Viewer,
      { datasetId, owner }: { datasetId: string; owner: NamedPrincipal },
    ): Promise<LoadedDataset> {
      const before = await requireOwn(viewer, datasetId)
      if (before.artifactId) throw new ConflictError('it is its artifact’s, and goes with that', 'OF_ARTIFACT')
      const { id: ownerId } = await requirePrincipal(prisma, owner)
      if (ownerId === before.ownerId) return before
      if (!mayHandTo(viewer, { id: ownerId })) {
        throw new ForbiddenError('you may hand a dataset to yourself and to your teams only')
      }
      const where = { id: datasetId, ownerId: before.ownerId }
      const [changed] = await prisma.dataset
        .updateManyAndReturn({ where, data: { ownerId, version: { increment: 1 } } })
        .catch((error) => {
          if (!isUniqueViolation(error)) throw error
          throw new ConflictError('its new owner has a dataset with this slug already', 'SLUG_TAKEN')
        })
      if (!changed) throw noSuchDataset()
      return { ...changed, artifact: null }
    },

    /** For good, with its rows and snapshots. */
    async remove(viewer: Viewer, datasetId: string): Promise<LoadedDataset> {
      const dataset = await requireOwn(viewer, datasetId)
      await prisma.dataset.deleteMany({ where: { id: datasetId } })
      return dataset
    },
  }

  async function listed(viewer: Viewer, filter: DatasetFilter): Promise<Prisma.DatasetWhereInput> {
    const { artifactId, search, ownerHandle } = filter
    for (const [path, value] of Object.entries({ search, ownerHandle })) {
      const flaw = flawOfJson(value)
      if (flaw) throw ValidationError.at(`filter.${path}`, flaw)
    }
    const contains = search ? { contains: search.replace(/[\\%_]/g, '\\$&'), mode: 'insensitive' as const } : null
    const matching: Prisma.DatasetWhereInput[] = [
      ...(contains ? [{ OR: [{ name: contains }, { description: contains }] }] : []),
      ...(ownerHandle ? [{ owner: { handle: { in: [ownerHandle, `team:${ownerHandle}`] } } }] : []),
    ]
    const artifact = artifactId ? await artifacts.find(viewer, { id: artifactId }) : null
    if (artifactId && !artifact) throw noSuchArtifact()
    const sees = artifact && (artifact.visibility !== 'PRIVATE' || viewer?.scopes.has('data:read'))
    if (sees) return { AND: [{ artifactId: artifact.id }, ...matching] }
    const reader = requireScope(viewer, 'data:read')
    return {
      AND: [
        ...matching,
        ...(artifact ? [{ artifactId: artifact.id }] : []),
        ...(reader.isAdmin ? [] : [{ ownerId: { in: principalsOf(reader) } }]),
        { OR: [{ artifactId: null }, { artifact: { deletedAt: null } }] },
      ],
    }
  }
}

function rejectTaken(error: unknown, isOnArtifact: boolean): never {
  if (!isUniqueViolation(error)) throw error
  throw isOnArtifact
    ? new ConflictError('the artifact has a dataset of this name already', 'NAME_TAKEN')
    : new ConflictError('you have a dataset with this slug already', 'SLUG_TAKEN')
}
