/** A PostgreSQL with Runsheet's tables, and in it all that a create of each dialect needs. */
import pg from 'pg'
import { send, TOKEN } from '../kit/server.ts'

export type Dialect = {
  name: string
  path: string
  /** A body; `n` counts the requests. */
  body: (n: number) => object
  /** Lua for wrk: requests with such bodies, counted from `first` on. */
  script: (first: number) => string
}

/** Kragle's jobs of one stack must each have another schedule: so many of both give enough pairs for all requests. */
const PAIRS = 250

const PUBLISH = `mutation { publishArtifact(input: { name: "bench", slug: "bench", files: [{ path: "index.html", content: "Hello" }] }) {
  ... on Artifact { id } ... on Error { message } } }`
const STACK = `mutation { createStack(input: { name: "work", actions: [{ webhook: { url: "http://127.0.0.1:9/" } }] }) {
  ... on Stack { id } ... on Error { message } } }`

/** Once a year, so that nothing is due meanwhile. */
const YEARLY = { cron: '0 9 1 1 *', quartz: '0 0 9 1 1 ?' }

const STACKS = `insert into stack (id, surface, owner_id, created_by_id, name, version, created_at, updated_at)
  select gen_random_uuid(), surface, owner_id, created_by_id, name || ' ' || n, version, created_at, updated_at
  from stack, generate_series(2, $1::int) n where id = $2::uuid`
const STEPS = `insert into action (id, stack_id, position, kind, name, config)
  select gen_random_uuid(), s.id, a.position, a.kind, a.name, a.config
  from action a, stack s where a.stack_id = $1::uuid and s.id <> $1::uuid`
const SCHEDULES = `insert into schedule (id, owner_id, shared, kind, expression, dialect, timezone)
  select gen_random_uuid(), (select owner_id from stack where id = $2::uuid), true, 'CRON', $3, 'VIXIE', 'UTC'
  from generate_series(1, $1::int)`
const NUMBERS = `select (select array_agg(number order by number) from stack) as stacks,
  (select array_agg(number order by number) from schedule where shared) as schedules`

/** The dialects on a server that is new; jobs are made there by the bodies that it says. */
export async function prepare(url: string, databaseUrl: string): Promise<Dialect[]> {
  const { publishArtifact } = await send<{ publishArtifact: { id: string } }>(url, PUBLISH, {})
  const { createStack } = await send<{ createStack: { id: string } }>(url, STACK, {})
  const client = new pg.Client(databaseUrl)
  await client.connect()
  const { rows } = await client
    .query(STACKS, [PAIRS, uuidIn(createStack.id)])
    .then(() => client.query(STEPS, [uuidIn(createStack.id)]))
    .then(() => client.query(SCHEDULES, [PAIRS, uuidIn(createStack.id), YEARLY.cron]))
    .then(() => client.query<{ stacks: number[]; schedules: number[] }>(NUMBERS))
    .finally(() => client.end())
  const [{ stacks, schedules } = { stacks: [], schedules: [] }] = rows
  const shareout = { artifact_id: publishArtifact.id, action: 'webhook', schedule: YEARLY.cron }
  const config = { url: 'https://example.com/hook' }
  const pair = (n: number) => ({ schedule_id: schedules[n % PAIRS], stack_id: stacks[Math.floor(n / PAIRS) % PAIRS] })
  const made = [
    counted('ShareOut', '/v1/jobs', (n) => ({ ...shareout, title: `Job ${n}`, config })),
    counted('Informer', '/api/jobs', (n) => ({
      name: `Job ${n}`,
      type: 'email',
      interval: YEARLY.cron,
      enabled: true,
    })),
    { name: 'Kragle', path: '/jobs', body: pair, lua: PAIR },
    counted('Boozles', '/1/jobs', () => ({ url: 'https://example.com/hook', cron: YEARLY.quartz })),
  ]
  const lists = `local stacks, schedules = {${stacks.join(', ')}}, {${schedules.join(', ')}}`
  return made.map(({ lua, ...dialect }) => ({ ...dialect, script: (first) => requests(`${lists}\n`, lua, first) }))
}

/** With the body as an expression of Lua. */
function counted(name: string, path: string, body: Dialect['body']) {
  const [before = '', after] = JSON.stringify(body(0)).split('Job 0')
  const lua = after === undefined ? `[==[${before}]==]` : `[==[${before}]==] .. 'Job ' .. n .. [==[${after}]==]`
  return { name, path, body, lua }
}

const PAIR = `('{"schedule_id":%d,"stack_id":%d}'):format(
    schedules[n % ${PAIRS} + 1], stacks[math.floor(n / ${PAIRS}) % ${PAIRS} + 1])`

const requests = (before: string, body: string, first: number) =>
  `${before}local n = ${first - 1}
function request()
  n = n + 1
  return wrk.format('POST', nil, nil, ${body})
end
`

const uuidIn = (id: string) => id.replace(/^[a-z]+_/, '')

export const HEADERS = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }
