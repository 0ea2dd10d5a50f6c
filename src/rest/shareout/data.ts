/** What the routes of an artifact's data have in common: whose it is, and `{success: true, data}` around every answer. */
import { z } from '@hono/zod-openapi'
import type { DataRow } from '../../data/queries.ts'
import { formatId } from '../../kernel/ids.ts'
import { json } from './router.ts'

export const DATA_PATH = '/v1/data/{artifactId}'

export const artifactParams = z.object({ artifactId: z.string().describe('`art_…`') })
export const tableParams = artifactParams.extend({ table: z.string() })
export const rowParams = tableParams.extend({ rowId: z.string().describe('`row_…`') })

export const wrapped = <Schema extends z.ZodType>(data: Schema, description: string) =>
  json(z.object({ success: z.literal(true), data }), description)

export const wrap = <Data>(data: Data) => ({ success: true as const, data })

/** A row: its own fields, and its id and times. */
export const rowSchema = z.record(z.string(), z.unknown()).describe('A row with `id`, `createdAt` and `updatedAt`.')
export const filterSchema = z.record(z.string(), z.unknown()).describe('{"price": {"$gte": 10}}')

export type RowView = Record<string, unknown>

export const rowView = ({ id, data, createdAt, updatedAt }: DataRow): RowView => ({
  ...data,
  id: formatId('DatasetRow', id),
  createdAt: createdAt.toISOString(),
  updatedAt: updatedAt.toISOString(),
})

/** A row as its client has read it comes back with what is not its client's to say. */
export const contentOf = ({ id, createdAt, updatedAt, ...content }: RowView): RowView => content
