/** JSON values that an artifact keeps under keys. Each change raises the document's version, so a lost update can be told. */
import type pg from 'pg'
import { noSuchArtifact } from '../artifacts/rights.ts'
import type { Artifact, JsonDocument, PrismaClient } from '../db/generated/prisma/client.ts'
import { inTransaction, type Sql, sqlOn } from '../db/sql.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ConflictError, LimitError, NotFoundError, ValidationError } from '../kernel/errors.ts'
import { PAGE_LIMIT } from '../kernel/pages.ts'
import { flawOfText } from '../kernel/storable.ts'
import { validate } from '../kernel/validate.ts'
import {
  countDocuments,
  deleteDocument,
  holdDocuments,
  readDocument,
  readDocuments,
  readKeys,
  writeDocument,
} from './queries.ts'
import { mayReadDocuments, requireReadable, requireWritable } from './rights.ts'
import { changeSpec, DOCUMENTS_LIMIT, type IfVersion, keySpec, setDocumentSpec } from './spec.ts'

export type DocumentService = ReturnType<typeof createDocumentService>

type DocumentRef = { artifactId: string; key: string }

const noSuchDocument = () => new NotFoundError('there is no such document')

/** Ids are bare UUIDs. */
export function createDocumentService({ prisma, pool }: { prisma: PrismaClient; pool: pg.Pool }) {
  const sql = sqlOn(pool)
  const artifactOf = (id: string) => prisma.artifact.findUnique({ where: { id } })

  /** @throws ConflictError VERSION when the document is not what the caller takes it for */
  async function expected(tx: Sql, { artifactId, key }: DocumentRef, ifVersion: IfVersion | undefined) {
    if (!(await holdDocuments(tx, artifactId))) throw noSuchArtifact()
    const before = await readDocument(tx, artifactId, key)
    const fits = ifVersion === 'EXISTS' ? before !== null : (before?.version ?? 0) === (ifVersion ?? 0)
    if (ifVersion === undefined || fits) return before
    const is = before ? `at version ${before.version}` : 'not there'
    throw new ConflictError(`the document is ${is}: read it again`, 'VERSION')
  }

  return {
    mayRead: mayReadDocuments,

    /** ConflictError VERSION: it is not at `ifVersion`. LimitError: the artifact has 1,000 already. */
    async set(
      viewer: Viewer,
      { artifactId, ...input }: DocumentRef & { value: unknown; ifVersion?: IfVersion },
    ): Promise<JsonDocument> {
      const { key, value, ifVersion } = validate(setDocumentSpec, input)
      requireWritable(viewer, await artifactOf(artifactId))
      return inTransaction(pool, async (tx) => {
        const before = await expected(tx, { artifactId, key }, ifVersion)
        if (!before && (await countDocuments(tx, artifactId)) >= DOCUMENTS_LIMIT) {
          throw new LimitError(`an artifact has at most ${DOCUMENTS_LIMIT} documents`)
        }
        const document = await writeDocument(tx, artifactId, key, value)
        if (!document) throw noSuchArtifact()
        return document
      })
    },

    /** Answers what it was. */
    async remove(
      viewer: Viewer,
      { artifactId, ...input }: DocumentRef & { ifVersion?: IfVersion },
    ): Promise<JsonDocument> {
      const { key, ifVersion } = validate(changeSpec, input)
      requireWritable(viewer, await artifactOf(artifactId))
      return inTransaction(pool, async (tx) => {
        const before = await expected(tx, { artifactId, key }, ifVersion)
        if (!before) throw noSuchDocument()
        await deleteDocument(tx, artifactId, key)
        return before
      })
    },

    /** @throws NotFoundError, also for the artifact; ForbiddenError to those who may see the artifact only */
    async get(viewer: Viewer, { artifactId, key }: DocumentRef): Promise<JsonDocument> {
      requireReadable(viewer, await artifactOf(artifactId))
      const document = keySpec.safeParse(key).success ? await readDocument(sql, artifactId, key) : null
      if (!document) throw noSuchDocument()
      return document
    },

    /** All keys, in order. Errors as those of `get`. */
    async keys(viewer: Viewer, artifactId: string): Promise<string[]> {
      requireReadable(viewer, await artifactOf(artifactId))
      return readKeys(sql, artifactId)
    },

    /** Of an artifact that the viewer has read; null where there is none, or none for them. */
    async find(viewer: Viewer, artifact: Artifact, key: string): Promise<JsonDocument | null> {
      if (!mayReadDocuments(viewer, artifact) || !keySpec.safeParse(key).success) return null
      return readDocument(sql, artifact.id, key)
    },

    /** By key, behind `after`; of an artifact that the viewer has read. None where they are not for them. */
    async list(viewer: Viewer, artifact: Artifact, first: number, after: string | null): Promise<JsonDocument[]> {
      if (first < 0 || first > PAGE_LIMIT) throw ValidationError.at('first', `must be from 0 to ${PAGE_LIMIT}`)
      const flaw = after === null ? null : flawOfText(after)
      if (flaw) throw ValidationError.at('after', flaw)
      return mayReadDocuments(viewer, artifact) ? readDocuments(sql, artifact.id, first, after) : []
    },
  }
}
