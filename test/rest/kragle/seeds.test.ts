/** The examples of Kragle's own documentation of jobs, which say in words what stands where. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { fixture } from '../../support/fixtures.ts'
import { type Person, query, signUp } from '../../support/people.ts'
import { rest } from '../../support/rest.ts'

const INTEGER = expect.toSatisfy(Number.isInteger)

/** By the words of an example. */
const saidBy = (words: string): unknown => {
  if (words.startsWith('boolean')) return expect.any(Boolean)
  return /^human.readable name/.test(words) ? expect.any(String) : INTEGER
}

/** The fields of an example, each with a matcher of its value; those of an item of its list are in the list. */
function worded(name: string): Record<string, unknown> {
  const [own = '', ofItem] = fixture(name).split(/"jobs": \[\n/)
  const fields = (text: string) => {
    const found = [...text.matchAll(/^"(\w+)": <(.+)>,?$/gm)].map(([, key = '', words = '']) => [key, saidBy(words)])
    expect(found).toHaveLength(text.trim().split('\n').length)
    return Object.fromEntries(found)
  }
  return { ...fields(own), ...(ofItem !== undefined && { jobs: [fields(ofItem)] }) }
}

describe.each(['', '/api/v1'])('the documentation of Kragle, at "%s"', (base) => {
  let app: TestApp
  let ann: Person
  let ground: { stack_id: number; schedule_id: number }

  beforeAll(async () => {
    app = await createTestApp()
    ann = await signUp(app, 'ann')
    const stack = { name: 'A stack', blocks: [['webhook', { url: 'http://127.0.0.1:9/' }, {}]] }
    const made = await call('POST /blockstacks', stack)
    const schedule = await call('POST /schedules', { config: { period: 3600 } })
    ground = { stack_id: made.body.id, schedule_id: schedule.body.id }
  })
  afterAll(() => app.stop())

  const call = (route: string, body?: unknown) => rest(app, route.replace(' ', ` ${base}`), { token: ann.token, body })
  const number = async (text: string) => (await query<{ number: number }>(app, text, ['ann']))[0]?.number

  it('creates, reads, lists, changes and deletes a job, key by key', async () => {
    const job = { ...ground, name: 'Nightly', enabled: true }
    const created = await call('POST /jobs', job)
    expect([created.status, created.body]).toEqual([200, worded('kragle/create-job.answer.txt')])
    const { id } = created.body

    const own = { name: 'Nightly', stack: ground.stack_id, schedule: ground.schedule_id, do_run: true, do_del: false }
    for (const route of [`GET /jobs/${id}`, 'GET /jobs/Nightly']) {
      const { status, body } = await call(route)
      expect([status, body], route).toEqual([200, worded('kragle/job.answer.txt')])
      expect(body).toMatchObject({ id, ...own })
      const wait = body.next_run - Date.now() / 1000
      expect(wait > 3500 && wait <= 3601, String(wait)).toBe(true)
    }
    const list = await call('GET /jobs?page=1')
    expect([list.status, list.body]).toEqual([200, worded('kragle/list.answer.txt')])
    expect(list.body).toMatchObject({ count: 1, pagesize: 10, page: 1, jobs: [{ id, ...own }] })
    expect((await call('GET /jobs')).body).toEqual(list.body)

    const changed = await call(`PUT /jobs/${id}`, { name: 'Daily' })
    expect([changed.status, changed.body]).toEqual([200, { ...worded('kragle/update-job.answer.txt'), id }])
    const owner = await number('select number from principal where handle = $1')
    expect(changed.body).toMatchObject({ ...own, name: 'Daily', owner })

    const queued = await call(`DELETE /jobs/${id}`)
    expect([queued.status, queued.body]).toEqual([200, worded('kragle/delete-job.queued.answer.txt')])
    expect(queued.body).toEqual({ queued_for_deletion: id })
    expect((await call(`GET /jobs/${id}`)).body.do_del).toBe(true)
    await call(`PUT /jobs/${id}`, { enabled: false })
    const deleted = await call(`DELETE /jobs/${id}`)
    expect([deleted.status, deleted.body]).toEqual([200, worded('kragle/delete-job.deleted.answer.txt')])
    expect(deleted.body).toEqual({ deleted: id })
  })

  it('makes a job of what is required alone: it has no name and is not active', async () => {
    const { id } = (await call('POST /jobs', ground)).body
    expect((await call(`GET /jobs/${id}`)).body).toMatchObject({ name: null, do_run: false, next_run: null })
    expect((await call(`DELETE /jobs/${id}`)).body).toEqual({ deleted: id })
  })
})
