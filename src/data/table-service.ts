/** Datasets of an artifact by their names: tables, of which each is made by the first rows that are put into it. */
import type { PrismaClient } from '../db/generated/prisma/client.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ConflictError, LimitError, ValidationError } from '../kernel/errors.ts'
import type { LoadedDataset } from './rights.ts'
import type { createRowService } from './row-service.ts'
import { INSERT_LIMIT, rowIssues } from './spec.ts'

/** A new one's; datasets may be called otherwise, and are tables all the same. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/

export type TableRef = { artifactId: string; name: string }

export function createTableService(deps: {
  prisma: PrismaClient
  requireOwn(viewer: Viewer, id: string): Promise<LoadedDataset>
  create(viewer: Viewer, input: TableRef): Promise<LoadedDataset>
  rows: Pick<ReturnType<typeof createRowService>, 'insert'>
  limits: { rows: number }
}) {
  const { prisma, requireOwn, create, rows, limits } = deps

  /** Null: there is none of this name. Whoever may write it need not be able to read it. */
  async function writable(viewer: Viewer, ref: TableRef): Promise<LoadedDataset | null> {
    const found = await prisma.dataset.findFirst({ where: ref, select: { id: true } })
    return found && requireOwn(viewer, found.id)
  }

  async function make(viewer: Viewer, ref: TableRef): Promise<LoadedDataset> {
    if (!NAME.test(ref.name)) {
      throw ValidationError.at('table', 'must be 1 to 100 letters, digits, and _ . - inside')
    }
    return create(viewer, ref).catch(async (error) => {
      // Somebody else was first.
      const there = error instanceof ConflictError ? await writable(viewer, ref) : null
      if (there) return there
      throw error
    })
  }

  return {
    writableTable: writable,

    /** All or none; what is wrong with them makes no table either. */
    async insertIntoTable(viewer: Viewer, ref: TableRef, given: readonly unknown[]) {
      if (given.length === 0 || given.length > INSERT_LIMIT) {
        throw ValidationError.at('rows', `must be 1 to ${INSERT_LIMIT} rows`)
      }
      const issues = rowIssues(given, 'rows')
      if (issues.length > 0) throw new ValidationError(issues)
      if (given.length > limits.rows) throw new LimitError(`a table has at most ${limits.rows} rows (MAX_DATASET_ROWS)`)
      const table = (await writable(viewer, ref)) ?? (await make(viewer, ref))
      return rows.insert(viewer, table.id, given)
    },
  }
}
