/** A client that knows one address and HAL, and nothing else of us, gets everywhere. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { type Person, signUp } from '../../support/people.ts'
import { rest } from '../../support/rest.ts'

type Link = { href: string; templated?: boolean }
type Resource = Record<string, unknown> & { _links: Record<string, Link>; _embedded?: Record<string, Resource[]> }

let app: TestApp
let ann: Person

beforeAll(async () => {
  app = await createTestApp()
  ann = await signUp(app, 'ann')
  const post = async (path: string, body: object) => {
    const answer = await rest(app, `POST ${path}`, { token: ann.token, body })
    expect(answer.body.message).toBeUndefined()
    return answer.body
  }
  const { id: datasetId } = await post('/api/datasets', { name: 'Sales 2024' })
  // Nobody listens there.
  const data = { url: 'http://127.0.0.1:9/' }
  const first = { name: 'Daily Sales Report', type: 'api-call', data, datasets: { sales: datasetId } }
  const { id } = await post('/api/jobs', first)
  await post(`/api/jobs/${id}/actions`, { type: 'api-call', name: 'and-then', data })
  for (const name of ['audit & more', 'zeta']) await post('/api/jobs', { name, type: 'email' })
  expect((await rest(app, `POST /api/jobs/${id}`, { token: ann.token })).body.success).toBe(false)
})
afterAll(() => app?.stop())

/** RFC 6570 as far as forms of queries go: `{?a,b}`, without those that are not given. */
const expand = (template: string, values: Record<string, string | number>) =>
  template.replace(/\{\?([^}]*)\}/g, (_all, names: string) => {
    const given = names.split(',').filter((name) => values[name] !== undefined)
    const pairs = given.map((name) => `${name}=${encodeURIComponent(String(values[name]))}`)
    return pairs.length > 0 ? `?${pairs.join('&')}` : ''
  })

async function get(href: string): Promise<Resource> {
  const response = await fetch(new URL(href, app.url), {
    headers: { accept: 'application/hal+json', authorization: `Bearer ${ann.token}` },
  })
  expect([href, response.status]).toEqual([href, 200])
  expect(response.headers.get('content-type')).toMatch(/^application\/hal\+json\b/)
  return (await response.json()) as Resource
}

function follow(from: Resource, rel: string, values: Record<string, string | number> = {}): Promise<Resource> {
  const link = from._links[rel]
  if (!link) throw new Error(`no link ${rel} among ${Object.keys(from._links).join(', ')}`)
  return get(link.templated ? expand(link.href, values) : link.href)
}

const items = (of: Resource, rel: string): Resource[] => of._embedded?.[rel] ?? []
const only = (of: Resource, rel: string): Resource => {
  expect(items(of, rel)).toHaveLength(1)
  return items(of, rel)[0] as Resource
}

it('walks from the list to a job, to all that it has, and back', async () => {
  const list = await get('/api/jobs')
  expect(items(list, 'inf:job').map(({ name }) => name)).toEqual(['audit & more', 'Daily Sales Report', 'zeta'])
  expect(await follow(list, 'self')).toEqual(list)
  const lastTwo = await follow(list, 'self', { limit: 2, sort: '-name' })
  expect(items(lastTwo, 'inf:job').map(({ name }) => name)).toEqual(['zeta', 'Daily Sales Report'])
  const next = await follow(lastTwo, 'self', { limit: 2, sort: '-name', start: 2 })
  expect(only(next, 'inf:job')).toMatchObject({ name: 'audit & more' })
  expect(only(await follow(list, 'self', { q: 'audit & mo' }), 'inf:job')).toMatchObject({ name: 'audit & more' })

  const found = await follow(list, 'self', { q: 'dail rep' })
  const job = await follow(only(found, 'inf:job'), 'self')
  expect(job).toMatchObject({ name: 'Daily Sales Report', ...without(only(found, 'inf:job'), '_links') })
  expect(await follow(job, 'self')).toEqual(job)

  const history = await follow(job, 'inf:job-history')
  const entry = await follow(only(history, 'inf:job-history'), 'self')
  expect(entry).toEqual(only(history, 'inf:job-history'))
  expect(entry).toMatchObject({ jobId: job.id, success: false })
  const again = await follow(entry, 'inf:job')
  expect(again).toEqual(job)

  const actions = await follow(again, 'inf:job-actions')
  expect(await follow(only(actions, 'inf:job-action'), 'self')).toMatchObject({ jobId: job.id, name: 'and-then' })
  expect(await follow(only(actions, 'inf:job-action'), 'inf:job')).toEqual(job)
  const datasets = await follow(again, 'inf:job-datasets')
  expect(await follow(only(datasets, 'inf:dataset'), 'self')).toMatchObject({ jobId: job.id, alias: 'sales' })
  expect(await follow(only(datasets, 'inf:dataset'), 'inf:job')).toEqual(job)
  for (const rel of ['inf:dataset', 'inf:job-action']) {
    for (const embedded of items(job, rel)) expect(await follow(embedded, 'self')).toEqual(embedded)
  }
  expect(await follow(list, 'self')).toEqual(list)
})

it('finds a self link in each collection that leads to the same', async () => {
  const job = only(await get('/api/jobs?q=daily'), 'inf:job')
  const whole = await follow(job, 'self')
  for (const rel of ['inf:job-history', 'inf:job-actions', 'inf:job-datasets']) {
    const collection = await follow(whole, rel)
    expect(await follow(collection, 'self')).toEqual(collection)
    expect(collection).toMatchObject({ start: 0, count: 1, total: 1 })
  }
})

function without(of: Resource, name: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(of).filter(([each]) => each !== name))
}
