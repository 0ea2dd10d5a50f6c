/**
 * The insert that a create of Runsheet comes to, as one statement: the same tables, the same columns, and the values of a
 * job that Runsheet has made, but for the ids and what the request says.
 */
import { randomUUID } from 'node:crypto'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 })

/** By the path that they are made at: what the request says, by column; a number stands for the id that it belongs to. */
const SAID = {
  '/v1/jobs': (body) => ({ name: body.title }),
  '/api/jobs': (body) => ({ name: body.name, slug: body.name }),
  '/jobs': (body) => ({ schedule_id: body.schedule_id, stack_id: body.stack_id }),
  '/1/jobs': () => ({}),
}

const NUMBERED = { schedule_id: 'schedule', stack_id: 'stack' }

const text = (value) => (value && value.constructor === Object ? JSON.stringify(value) : value)

/** Answers a function from the body of a request to the id of the job that was made of it. */
async function inserter(path, sampleId) {
  const rowOf = async (table, column, id) =>
    (await pool.query(`select * from ${table} where ${column} = $1`, [id])).rows[0]
  const job = await rowOf('job', `'job_' || replace(id::text, '-', '') = $1 or id::text = $1 or number::text`, sampleId)
  const schedule = await rowOf('schedule', 'id', job.schedule_id)
  const said = SAID[path]
  const numbered = Object.keys(said({})).filter((column) => column in NUMBERED)
  const rows = [
    ...(numbered.length === 0 ? [{ table: 'schedule', row: schedule, own: { id: 'schedule' } }] : []),
    { table: 'job', row: job, own: { id: 'job', ...(numbered.length === 0 && { schedule_id: 'schedule' }) } },
    { table: 'action', row: await rowOf('action', 'job_id', job.id), own: { id: 'action', job_id: 'job' } },
    { table: 'signing_secret', row: await rowOf('signing_secret', 'job_id', job.id), own: { job_id: 'job' } },
  ].filter(({ row }) => row)
  const parameters = []
  const parts = rows.map(({ table, row, own }) => {
    const columns = Object.keys(row).filter((column) => column !== 'number')
    const values = columns.map((column) => {
      parameters.push({ id: own[column], column: table === 'job' ? column : null, sample: text(row[column]) })
      const place = `$${parameters.length}`
      return table === 'job' && numbered.includes(column)
        ? `(select id from ${NUMBERED[column]} where number = ${place}::int)`
        : place
    })
    return `${table}_made as (insert into "${table}" (${columns.join(', ')}) values (${values.join(', ')}) returning 1)`
  })
  const statement = { name: `create ${path}`, text: `with ${parts.join(', ')} select 1 as made` }
  return async (body) => {
    const ids = { schedule: randomUUID(), job: randomUUID(), action: randomUUID() }
    const given = said(body)
    const values = parameters.map(({ id, column, sample }) => (id ? ids[id] : (given[column] ?? sample)))
    await pool.query({ ...statement, values })
    return ids.job
  }
}

/** `SAMPLES`: jobs as their dialects call them, by the path that they were made at. */
export const inserters = Object.fromEntries(
  await Promise.all(
    Object.entries(JSON.parse(process.env.SAMPLES)).map(async ([path, id]) => [path, await inserter(path, id)]),
  ),
)

export const AUTHORIZATION = `Bearer ${process.env.TOKEN}`
