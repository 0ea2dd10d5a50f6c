/** As much of Prisma's client as the services of jobs, runs and events need for what users do here, on a simulated pool. */
import type pg from 'pg'
import { inTransaction, sqlOn } from './product.ts'

type Row = Record<string, unknown>
type Sql = ReturnType<typeof sqlOn>
type Query = { where: Row; include?: Row; data?: Row }

const camel = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const model = (row: Row): Row => Object.fromEntries(Object.entries(row).map(([name, value]) => [camel(name), value]))

/** Whether a value is a column's, not an operation on a relation. */
const isScalar = (value: unknown) => typeof value !== 'object' || value === null || value instanceof Date

function tableOf(sql: Sql, table: string) {
  async function findMany({ where, include }: Query): Promise<Row[]> {
    const values: unknown[] = []
    const conditions = Object.entries(where).map(([name, value]) => {
      if (value === null) return `${snake(name)} is null`
      const { in: ids } = value as { in?: string[] }
      return ids ? `${snake(name)} = any($${values.push(ids)}::uuid[])` : `${snake(name)} = $${values.push(value)}`
    })
    const rows = await sql<Row>(`select * from ${table} where ${conditions.join(' and ')}`, values)
    const found = rows.map(model)
    for (const row of found) {
      for (const relation of Object.keys(include ?? {})) {
        const id = row[`${relation}Id`]
        row[relation] = id ? await tableOf(sql, relation).findFirst({ where: { id } }) : null
      }
    }
    return found
  }

  const find = async (query: Query): Promise<Row | null> => (await findMany(query))[0] ?? null

  return {
    findFirst: find,
    findUnique: find,
    findMany,
    async findUniqueOrThrow(query: Query): Promise<Row> {
      const row = await find(query)
      if (!row) throw new Error(`no such ${table}`)
      return row
    },
    async update({ where, data = {} }: Query): Promise<Row> {
      const values: unknown[] = [where.id]
      const changes = Object.entries(data).flatMap(([name, value]) => {
        if (value === undefined) return []
        if (isScalar(value)) return [`${snake(name)} = $${values.push(value)}`]
        const { increment } = value as { increment?: number }
        if (increment === undefined) throw new TypeError(`cannot write ${name} of ${table}`)
        return [`${snake(name)} = ${snake(name)} + ${increment}`]
      })
      const [row] = await sql<Row>(`update ${table} set ${changes.join(', ')} where id = $1 returning *`, values)
      return model(row ?? {})
    },
  }
}

function clientOn(sql: Sql) {
  return {
    $queryRawUnsafe: (text: string, ...values: unknown[]) => sql(text, values),
    job: tableOf(sql, 'job'),
    run: tableOf(sql, 'run'),
    schedule: tableOf(sql, 'schedule'),
    domainEvent: tableOf(sql, 'domain_event'),
    action: tableOf(sql, 'action'),
    jobDataset: tableOf(sql, 'job_dataset'),
  }
}

/** The answer stands for a `PrismaClient`. */
export function createPrisma(pool: pg.Pool) {
  return {
    ...clientOn(sqlOn(pool)),
    $transaction: <Result>(work: (tx: ReturnType<typeof clientOn>) => Promise<Result>) =>
      inTransaction(pool, (sql) => work(clientOn(sql))),
  }
}
