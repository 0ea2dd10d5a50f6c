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
  async function find({ where, include }: Query): Promise<Row | null> {
    const given = Object.entries(where).filter(([, value]) => value !== null)
    const conditions = Object.entries(where).map(([name, value]) =>
      value === null
        ? `${snake(name)} is null`
        : `${snake(name)} = $${given.findIndex(([other]) => other === name) + 1}`,
    )
    const values = given.map(([, value]) => value)
    const [row] = await sql<Row>(`select * from ${table} where ${conditions.join(' and ')}`, values)
    if (!row) return null
    const found = model(row)
    for (const relation of Object.keys(include ?? {})) {
      const id = found[`${relation}Id`]
      found[relation] = id ? await tableOf(sql, relation).findFirst({ where: { id } }) : null
    }
    return found
  }

  return {
    findFirst: find,
    findUnique: find,
    /** By ids. */
    findMany: async ({ where }: { where: { id: { in: string[] } } }): Promise<Row[]> =>
      (await sql<Row>(`select * from ${table} where id = any($1::uuid[])`, [where.id.in])).map(model),
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
        if (increment === undefined) throw new Error(`cannot write ${name} of ${table}`)
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
