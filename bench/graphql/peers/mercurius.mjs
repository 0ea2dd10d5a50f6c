/** Mercurius with loaders and JIT: a schema by hand, `pg`, one statement for each level of a query. */
import fastify from 'fastify'
import { GraphQLScalarType } from 'graphql'
import mercurius from 'mercurius'
import pg from 'pg'

const { DATABASE_URL, PORT } = process.env
const pool = new pg.Pool({ connectionString: DATABASE_URL })

const schema = `
  scalar DateTime
  type Principal { id: ID! handle: String! }
  type Run { id: ID! status: String! startedAt: DateTime }
  type Job { id: ID! name: String enabled: Boolean! nextRunAt: DateTime owner: Principal! runs(first: Int!): [Run!]! }
  type Query { jobs(first: Int!): [Job!]! }
  type Mutation { createJob(name: String!): Job! }`

const JOBS = {
  name: 'jobs',
  text: `select id, name, enabled, next_run_at as "nextRunAt", owner_id as "ownerId" from job order by id desc limit $1`,
}
const OWNERS = { name: 'owners', text: 'select id, handle from principal where id = any($1::uuid[])' }
const RUNS = {
  name: 'runs',
  text: `select r.* from unnest($1::uuid[]) as j(id) cross join lateral (
    select id, job_id as "jobId", status, started_at as "startedAt" from run where job_id = j.id order by id desc limit $2
  ) r`,
}
const ADD = { name: 'add', text: 'select id, name from bench.add_job($1)' }

const rowsOf = async (statement, values) => (await pool.query({ ...statement, values })).rows

const app = fastify()
app.register(mercurius, {
  schema,
  jit: 1,
  resolvers: {
    DateTime: new GraphQLScalarType({ name: 'DateTime', serialize: (date) => date.toISOString() }),
    Query: { jobs: (_root, { first }) => rowsOf(JOBS, [first]) },
    Mutation: { createJob: async (_root, { name }) => (await rowsOf(ADD, [name]))[0] },
  },
  loaders: {
    Job: {
      async owner(queries) {
        const rows = await rowsOf(OWNERS, [[...new Set(queries.map(({ obj }) => obj.ownerId))]])
        const byId = new Map(rows.map((row) => [row.id, row]))
        return queries.map(({ obj }) => byId.get(obj.ownerId))
      },
      async runs(queries) {
        const rows = await rowsOf(RUNS, [queries.map(({ obj }) => obj.id), queries[0].params.first])
        const byJob = new Map(queries.map(({ obj }) => [obj.id, []]))
        for (const row of rows) byJob.get(row.jobId).push(row)
        return queries.map(({ obj }) => byJob.get(obj.id))
      },
    },
  },
})
await app.listen({ port: Number(PORT), host: '127.0.0.1' })
