/** Datasets and their rows. Ids are bare UUIDs. */
import type pg from 'pg'
import { noSuchArtifact } from '../artifacts/rights.ts'
import type { ArtifactService } from '../artifacts/service.ts'
import { slugOf } from '../artifacts/spec.ts'
import { isUniqueViolation } from '../db/errors.ts'
import type { Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import { type ListOrder, listById } from '../db/keyset.ts'
import { inTransaction, madeUpSqlOn } from '../db/sql.ts'
import { mayManage, requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ConflictError, ForbiddenError, LimitError, NotFoundError, ValidationError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import { type Connection, connectionOf, type PageArgs, pageOf } from '../kernel/pages.ts'
import { flawOfJson } from '../kernel/storable.ts'
import { validate } from '../kernel/validate.ts'
import type { AccessPolicy } from './policy.ts'
import { countRows, type DataRow, distinctValues, type RowQuery, readRow, readRows } from './queries.ts'
import { accessOf, type LoadedDataset } from './rights.ts'
import { createSnapshotService, type RowPage } from './snapshot-service.ts'
import {
  type CreateDatasetInput,
  createDatasetSpec,
  DISTINCT_LIMIT,
  INSERT_LIMIT,
  rowIssues,
  type UpdateDatasetInput,
  updateDatasetSpec,
} from './spec.ts'
import { deleteRows, insertRows, lockDataset, type Selection, setRowCount, updateRows } from './write.ts'

export type DataService = ReturnType<typeof createDataService>

export type DatasetFilter = {
  artifactId?: string | null | undefined
  search?: string | null | undefined
  ownerHandle?: string | null | undefined
}

/** Which rows a change is about: exactly one of these. */
export type RowSelection = { rowId?: string | null | undefined; filter?: unknown; all?: boolean | null | undefined }

const withArtifact = { artifact: true } as const
const noSuchDataset = () => new NotFoundError('there is no such dataset')

export function createDataService(deps: {
  prisma: PrismaClient
  pool: pg.Pool
  artifacts: ArtifactService
  limits: { rows: number }
}) {
  const { prisma, pool, artifacts, limits } = deps
  const madeUp = madeUpSqlOn(pool)

  async function readable(viewer: Viewer, where: Prisma.DatasetWhereInput): Promise<LoadedDataset | null> {
    const dataset = await prisma.dataset.findFirst({ where, include: withArtifact })
    return dataset && accessOf(viewer, dataset) ? dataset : null
  }

  /** A dataset that the viewer may change. */
  async function requireOwn(viewer: Viewer, id: string): Promise<LoadedDataset> {
    requireScope(viewer, 'data:write')
    const dataset = await prisma.dataset.findUnique({ where: { id }, include: withArtifact })
    if (!dataset || dataset.artifact?.deletedAt) throw noSuchDataset()
    if (mayManage(viewer, dataset)) return dataset
    throw accessOf(viewer, dataset) ? new ForbiddenError('only its owner may change a dataset') : noSuchDataset()
  }

  /** The rows that the viewer may see of something in the dataset. */
  async function visible(viewer: Viewer, dataset: LoadedDataset, of: RowQuery['of']): Promise<RowQuery> {
    const access = accessOf(viewer, dataset)
    if (access === null) throw noSuchDataset()
    const policy = access === 'FILTERED' ? (dataset.artifact?.accessPolicy as AccessPolicy | null) : null
    if (!policy) return { of }
    const reader = viewer && (await prisma.principal.findUnique({ where: { id: viewer.principalId } }))
    return { of, policy: { policy, email: reader?.email ?? null } }
  }

  const seenIn = (viewer: Viewer, dataset: LoadedDataset) => visible(viewer, dataset, { dataset: dataset.id })

  async function page(query: RowQuery, { sort, ...args }: PageArgs & { sort?: unknown }): Promise<RowPage> {
    const asked = pageOf(args)
    const rows = await readRows(madeUp, query, sort, asked)
    return connectionOf(
      asked,
      rows,
      ({ keys }) => keys,
      () => countRows(madeUp, query),
    )
  }

  /** Runs under the dataset's lock; answers the dataset with the number of rows that it has then. */
  async function change(
    dataset: LoadedDataset,
    work: (tx: Parameters<Parameters<typeof inTransaction>[1]>, count: number) => Promise<number>,
  ): Promise<void> {
    await inTransaction(pool, async (...tx) => {
      const count = await lockDataset(tx[0], dataset.id)
      if (count === null) throw noSuchDataset()
      await setRowCount(tx[0], dataset.id, await work(tx, count))
    })
  }

  const again = (id: string) => prisma.dataset.findUniqueOrThrow({ where: { id }, include: withArtifact })

  return {
    ...createSnapshotService({ prisma, pool, readable, requireOwn, visible, page }),

    find: (viewer: Viewer, key: { id: string } | { artifactId: string; name: string }) => readable(viewer, key),

    /** In the order of the ids; null where there is none that the viewer may read. */
    async byIds(viewer: Viewer, ids: readonly string[]): Promise<(LoadedDataset | null)[]> {
      const found = await prisma.dataset.findMany({ where: { id: { in: [...ids] } }, include: withArtifact })
      const byId = new Map(found.filter((each) => accessOf(viewer, each)).map((each) => [each.id, each]))
      return ids.map((id) => byId.get(id) ?? null)
    },

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

    /** On an artifact of the viewer's, or on none. ConflictError NAME_TAKEN, SLUG_TAKEN. */
    async create(
      viewer: Viewer,
      input: CreateDatasetInput & { artifactId?: string | null | undefined },
    ): Promise<LoadedDataset> {
      const { principalId } = requireScope(viewer, 'data:write')
      const { name, slug, description } = validate(createDatasetSpec, input)
      const artifact = input.artifactId ? await artifacts.find(viewer, { id: input.artifactId }) : null
      if (input.artifactId && !artifact) throw noSuchArtifact()
      if (artifact && !mayManage(viewer, artifact)) {
        throw new ForbiddenError('only its owner may put datasets on an artifact')
      }
      const ownerId = artifact?.ownerId ?? principalId
      const data = { id: newId(), ownerId, createdById: principalId, artifactId: artifact?.id ?? null }
      return prisma.dataset
        .create({
          data: { ...data, name, slug: slug ?? slugOf(name), description: description || null },
          include: withArtifact,
        })
        .catch(taken)
    },

    async update(viewer: Viewer, { datasetId, ...input }: UpdateDatasetInput & { datasetId: string }) {
      requireScope(viewer, 'data:write')
      const { description, ...given } = validate(updateDatasetSpec, input)
      await requireOwn(viewer, datasetId)
      const data = {
        ...(given.name !== undefined && { name: given.name }),
        ...(given.slug !== undefined && { slug: given.slug }),
        ...(description !== undefined && { description: description || null }),
        updatedAt: new Date(),
      }
      return prisma.dataset.update({ where: { id: datasetId }, data, include: withArtifact }).catch(taken)
    },

    /** For good, with its rows and snapshots. */
    async remove(viewer: Viewer, datasetId: string): Promise<LoadedDataset> {
      const dataset = await requireOwn(viewer, datasetId)
      await prisma.dataset.deleteMany({ where: { id: datasetId } })
      return dataset
    },

    /** All or none, at most 1,000. LimitError when the dataset would be too large. */
    async insert(viewer: Viewer, datasetId: string, rows: readonly unknown[]) {
      requireScope(viewer, 'data:write')
      if (rows.length === 0 || rows.length > INSERT_LIMIT) {
        throw ValidationError.at('rows', `must be 1 to ${INSERT_LIMIT} rows`)
      }
      const issues = rowIssues(rows, 'rows')
      if (issues.length > 0) throw new ValidationError(issues)
      const dataset = await requireOwn(viewer, datasetId)
      let made: DataRow[] = []
      await change(dataset, async ([sql], count) => {
        const total = count + rows.length
        if (total > limits.rows) {
          throw new LimitError(`a dataset has at most ${limits.rows} rows (MAX_DATASET_ROWS); this one has ${count}`)
        }
        made = await insertRows(sql, datasetId, rows as object[])
        return total
      })
      return { dataset: await again(datasetId), rows: made }
    },

    /** Sets keys of the rows that are chosen, and leaves the others. */
    async updateRows(
      viewer: Viewer,
      { datasetId, set, ...selection }: RowSelection & { datasetId: string; set: unknown },
    ) {
      requireScope(viewer, 'data:write')
      const [issue] = rowIssues([set], 'set')
      if (issue) throw ValidationError.at('set', issue.message)
      const chosen = selectionOf(selection)
      const dataset = await requireOwn(viewer, datasetId)
      let changed = 0
      await change(dataset, async ([, madeUp], count) => {
        const result = await updateRows(madeUp, datasetId, chosen, set as object)
        if (result.tooLarge > 0)
          throw ValidationError.at('set', `makes ${result.tooLarge} rows larger than they may be`)
        changed = result.count
        return count
      })
      return { dataset: await again(datasetId), count: requireSome(chosen, changed) }
    },

    async deleteRows(viewer: Viewer, { datasetId, ...selection }: RowSelection & { datasetId: string }) {
      requireScope(viewer, 'data:write')
      const chosen = selectionOf(selection)
      const dataset = await requireOwn(viewer, datasetId)
      let gone = 0
      await change(dataset, async ([, madeUp], count) => {
        gone = await deleteRows(madeUp, datasetId, chosen)
        return count - gone
      })
      return { dataset: await again(datasetId), count: requireSome(chosen, gone) }
    },

    async rows(
      viewer: Viewer,
      dataset: LoadedDataset,
      { filter, ...args }: PageArgs & { filter?: unknown; sort?: unknown },
    ) {
      return page({ ...(await seenIn(viewer, dataset)), filter }, args)
    },

    async row(viewer: Viewer, dataset: LoadedDataset, id: string): Promise<DataRow | null> {
      return readRow(madeUp, await seenIn(viewer, dataset), id)
    },

    async count(viewer: Viewer, dataset: LoadedDataset, filter?: unknown): Promise<number> {
      return countRows(madeUp, { ...(await seenIn(viewer, dataset)), filter })
    },

    async distinct(viewer: Viewer, dataset: LoadedDataset, field: string, filter: unknown, first: number) {
      if (first < 1 || first > DISTINCT_LIMIT) throw ValidationError.at('first', `must be from 1 to ${DISTINCT_LIMIT}`)
      return distinctValues(madeUp, { ...(await seenIn(viewer, dataset)), filter }, field, first)
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
    const { principalId, isAdmin } = requireScope(viewer, 'data:read')
    return {
      AND: [
        ...matching,
        ...(artifact ? [{ artifactId: artifact.id }] : []),
        ...(isAdmin ? [] : [{ ownerId: principalId }]),
        { OR: [{ artifactId: null }, { artifact: { deletedAt: null } }] },
      ],
    }
  }
}

/** A change of all rows is asked for, never a filter that was forgotten. */
function selectionOf({ rowId, filter, all }: RowSelection): Selection {
  const given = [rowId != null, filter != null, all === true].filter(Boolean).length
  if (given !== 1) throw ValidationError.at('filter', 'give one of rowId, filter and all: true')
  if (rowId != null) return { rowId }
  const isEmpty = typeof filter === 'object' && filter !== null && Object.keys(filter).length === 0
  if (isEmpty) throw ValidationError.at('filter', 'is empty: say all: true to mean all rows')
  return { filter: filter ?? null }
}

function requireSome(selection: Selection, count: number): number {
  if ('rowId' in selection && count === 0) throw new NotFoundError('there is no such row')
  return count
}

function taken(error: unknown): never {
  if (!isUniqueViolation(error)) throw error
  throw new ConflictError('there is a dataset of this name or slug already', 'NAME_TAKEN')
}
