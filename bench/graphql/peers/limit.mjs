/** No GraphQL at all: one prepared statement that makes the JSON, behind `node:http`. */
import { createServer } from 'node:http'
import pg from 'pg'

const { DATABASE_URL, PORT } = process.env
const pool = new pg.Pool({ connectionString: DATABASE_URL })

const LIST = {
  name: 'list',
  text: `select json_build_object('data', json_build_object('jobs', json_agg(json_build_object(
      'id', j.id, 'name', j.name, 'enabled', j.enabled, 'nextRunAt', j.next_run_at,
      'owner', json_build_object('handle', p.handle), 'runs', last.runs) order by j.id desc)))::text as answer
    from (select * from job order by id desc limit $1) j
    join principal p on p.id = j.owner_id
    cross join lateral (
      select coalesce(json_agg(json_build_object('id', r.id, 'status', r.status, 'startedAt', r.started_at)), '[]') as runs
      from (select id, status, started_at from run where job_id = j.id order by id desc limit $2) r
    ) last`,
}
const ADD = {
  name: 'add',
  text: `select json_build_object('data', json_build_object('createJob', json_build_object('id', id, 'name', name)))::text
    as answer from bench.add_job($1)`,
}

const TYPENAME = '{"data":{"__typename":"Query"}}'

async function answerTo({ ask, first, runs, name }) {
  if (ask === 'typename') return TYPENAME
  const statement = ask === 'list' ? { ...LIST, values: [first, runs] } : { ...ADD, values: [name] }
  return (await pool.query(statement)).rows[0].answer
}

createServer((request, response) => {
  const parts = []
  request.on('data', (part) => parts.push(part))
  request.on('end', async () => {
    const answer = await answerTo(JSON.parse(Buffer.concat(parts)))
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) })
    response.end(answer)
  })
}).listen(Number(PORT), '127.0.0.1')
