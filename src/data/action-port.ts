/**
 * Datasets as the actions see them. Who owns a dataset, or owns or edits the artifact that it belongs to, reads and
 * changes it; whether they do is asked each time.
 */
import { type DatasetPort, type DatasetRef, EffectError, type Row, type Subject } from '../actions/ports.ts'
import { SLUG_LIMIT, slugOf } from '../artifacts/spec.ts'
import { scan } from '../db/bulk.ts'
import type { Database } from '../db/client.ts'
import type { Prisma } from '../db/generated/prisma/client.ts'
import { sqlOn } from '../db/sql.ts'
import { formatId, isUuid, naturalIdOf, newId, uuidOf } from '../kernel/ids.ts'
import { requireOpen } from '../runs/effect.ts'
import { loadRows } from './load.ts'
import { pruneSnapshots, takeSnapshot } from './snapshots.ts'

const ROWS = 'select data from dataset_row where dataset_id = $1::uuid order by id'

/** Nothing happens on an artifact, or on a dataset of one's own, that is there already. */
const INSERT = `insert into dataset (id, owner_id, created_by_id, artifact_id, name, slug)
  values ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5, $6) on conflict do nothing`

const ref = { id: true, name: true } as const

export function createDatasetPort({
  database: { prisma, pool, bulkPool, scanPool },
  maxRows,
}: {
  database: Pick<Database, 'prisma' | 'pool' | 'bulkPool' | 'scanPool'>
  maxRows: number
}): DatasetPort {
  const sql = sqlOn(pool)
  const bulkSql = sqlOn(bulkPool)

  async function editedBy(principalId: string): Promise<Prisma.ArtifactWhereInput> {
    const principal = await prisma.principal.findUnique({ where: { id: principalId }, select: { email: true } })
    const email = principal?.email?.toLowerCase()
    const own = { ownerId: principalId }
    return email ? { OR: [own, { collaborators: { some: { email, role: 'EDITOR' } } }] } : own
  }

  async function managedBy(ownerId: string): Promise<Prisma.DatasetWhereInput> {
    const artifact = await editedBy(ownerId)
    const ofTeam = { owner: { members: { some: { userId: ownerId } } } }
    return {
      AND: [
        { OR: [{ ownerId }, ofTeam, { artifact }] },
        { OR: [{ artifactId: null }, { artifact: { deletedAt: null } }] },
      ],
    }
  }

  const named = async ({ ownerId, artifactId }: Subject, name: string): Promise<DatasetRef | null> =>
    artifactId
      ? prisma.dataset.findFirst({ where: { artifactId, name, ...(await managedBy(ownerId)) }, select: ref })
      : prisma.dataset.findFirst({ where: { ownerId, artifactId, name }, select: ref, orderBy: { id: 'asc' } })

  /** By its name on the artifact, or by the slug of one of the owner's own. */
  async function namedBy(subject: Subject, given: string): Promise<DatasetRef | null> {
    const { ownerId, artifactId } = subject
    const ofArtifact = artifactId ? await named(subject, given) : null
    return ofArtifact ?? prisma.dataset.findFirst({ where: { ownerId, artifactId: null, slug: given }, select: ref })
  }

  return {
    named,

    async find(subject, given) {
      const { ownerId, datasets } = subject
      const ofJob = datasets && Object.hasOwn(datasets, given) ? datasets[given] : null
      const byId = async (id: string) =>
        prisma.dataset.findFirst({ where: { id, ...(await managedBy(ownerId)) }, select: ref })
      const id = ofJob ?? uuidOf('Dataset', given)
      if (id) return byId(id)
      const own = await namedBy(subject, given)
      if (own) return own
      if (isUuid(given)) return byId(given)
      const natural = naturalIdOf(given)
      if (!natural) return null
      const { handle, slug } = natural
      const where = { slug, artifactId: null, owner: { handle: { in: [handle, `team:${handle}`] } } }
      // A user comes before the team that is called so.
      const orderBy = { owner: { handle: handle.startsWith('team:') ? 'desc' : 'asc' } } as const
      return prisma.dataset.findFirst({ where: { AND: [where, await managedBy(ownerId)] }, select: ref, orderBy })
    },

    async ensure(subject, name) {
      const { ownerId, artifactId } = subject
      const artifact = artifactId
        ? await prisma.artifact.findFirst({ where: { id: artifactId, deletedAt: null, ...(await editedBy(ownerId)) } })
        : null
      if (artifactId && !artifact) {
        throw new EffectError(
          'ARTIFACT_GONE',
          'the artifact of the job was deleted, or its owner may not change it now',
        )
      }
      // another may make it, or take the slug, between the two statements
      for (let count = 1; ; count++) {
        const found = await named(subject, name)
        if (found) return found
        await sql(INSERT, [newId(), artifact?.ownerId ?? ownerId, ownerId, artifactId, name, slugFor(name, count)])
      }
    },

    load: (dataset, batches, options) => loadRows({ pool: bulkPool, maxRows }, dataset, batches, options),

    async *read({ id }) {
      for await (const rows of scan<{ data: Row }>(scanPool, ROWS, [id])) yield rows.map(({ data }) => data)
    },

    async snapshot({ id }, { effect }) {
      if (effect) await requireOpen(bulkSql, effect)
      const taken = await takeSnapshot(bulkSql, id, { name: null, effect })
      if (!taken) throw new EffectError('DATASET_GONE', 'the dataset was deleted')
      return { id: formatId('DatasetSnapshot', taken.id), rows: taken.rows }
    },

    prune: ({ id }, keep) => pruneSnapshots(bulkSql, id, keep),
  }
}

/** `sales`, `sales-2` … */
function slugFor(name: string, count: number): string {
  const suffix = count === 1 ? '' : `-${count}`
  return slugOf(name).slice(0, SLUG_LIMIT - suffix.length) + suffix
}
