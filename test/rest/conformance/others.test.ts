/** Jobs of other people and of other dialects are not there, whatever is asked of them. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { openApiOf, routesOf } from '../../support/openapi.ts'
import { countRows, makeJob, type Person, query, signUp } from '../../support/people.ts'
import { type Answer, type Call, callsOf, makeOne, say } from './speech.ts'
import { speeches } from './speeches.ts'

type Job = { id: string; surface: string; number: number; name: string | null; slug: string | null; version: number }

const JOBS = 'select * from job order by id'

describe('a job', () => {
  let app: TestApp
  let database: pg.Client
  let ann: Person
  let bob: Person
  /** Ann's, by the names of the dialects; each by its id there. */
  const made = new Map<string, string>()

  beforeAll(async () => {
    app = await createTestApp()
    database = new pg.Client(app.databaseUrl)
    await database.connect()
    ann = await signUp(app, 'ann')
    bob = await signUp(app, 'bob')
    for (const speech of speeches) made.set(speech.name, await makeOne(app, speech, ann.token))
    await makeJob(app, ann.token, { name: 'Of GraphQL' })
  })
  afterAll(async () => {
    await database.end()
    await app.stop()
  })

  const stored = async () => ({ rows: await countRows(database), jobs: await query<Job>(database, JOBS) })

  /** What is left of an answer without what tells one request, or one id, from another. A number may be a code, too. */
  const gist = ({ status, headers, text }: Answer, id: string) => ({
    status,
    type: headers.get('content-type'),
    text: text
      .replaceAll(headers.get('x-request-id') ?? '', 'REQUEST')
      .replace(new RegExp(`(?<![:\\d])${id}(?!\\d)`, 'g'), 'ID'),
  })

  it.each(speeches)('of somebody else is none to $name: it answers as if there were none', async (speech) => {
    const id = made.get(speech.name) ?? ''
    const [none = ''] = speech.noIds
    const before = await stored()
    const refusal = speech.refusals.noSuchThing
    for (const [index, call] of callsOf(speech, id).entries()) {
      const answer = await say(app, call, bob.token)
      expect(speech.told(answer, call), call.route).toEqual(refusal)
      const other = await say(app, callsOf(speech, none)[index] as Call, bob.token)
      expect(gist(answer, id), call.route).toEqual(gist(other, none))
    }
    expect(speech.listed(await say(app, speech.list, bob.token))).toEqual([])
    expect(await stored()).toEqual(before)
    expect((await say(app, speech.read(id), ann.token)).status).toBe(200)
  })

  it.each(speeches)('of somebody else is none to any route of $name', async (speech) => {
    const id = made.get(speech.name) ?? ''
    const [none = ''] = speech.noIds
    const before = await stored()
    const routes = routesOf(await openApiOf(app, speech.dialect)).filter((route) =>
      /\/jobs\/(\w+\/)?\{id\}/.test(route),
    )
    expect(routes.length).toBeGreaterThanOrEqual(3)
    for (const route of routes) {
      const call = (of: string) => {
        const path = route.replace('{id}', of).replace(/\{\w+\}/g, 'x')
        const { body, headers } = speech.change(of)
        return /^(GET|DELETE)/.test(route)
          ? { route: path }
          : { route: path, ...(body && { body }), ...(headers && { headers }) }
      }
      const [answer, other] = [await say(app, call(id), bob.token), await say(app, call(none), bob.token)]
      expect(answer.status, route).toBeGreaterThanOrEqual(400)
      expect(gist(answer, id), route).toEqual(gist(other, none))
    }
    expect(await stored()).toEqual(before)
  })

  it.each(speeches)('of another dialect is none to $name, by whatever id', async (speech) => {
    const before = await stored()
    const others = before.jobs.filter(({ surface }) => surface !== speech.surface)
    expect(new Set(others.map(({ surface }) => surface)).size).toBe(new Set(speeches.map((each) => each.surface)).size)
    for (const { id, number, name, slug } of others) {
      const ids = [id, `job_${id.replaceAll('-', '')}`, String(number), `ann:${slug}`, encodeURIComponent(name ?? id)]
      for (const each of ids) {
        for (const call of callsOf(speech, each)) {
          const answer = await say(app, call, ann.token)
          expect(speech.told(answer, call), call.route).toEqual(speech.refusals.noSuchThing)
        }
      }
    }
    const own = speeches.filter(({ surface }) => surface === speech.surface).map(({ name }) => made.get(name))
    expect(speech.listed(await say(app, speech.list, ann.token)).sort()).toEqual(own.sort())
    expect(await stored()).toEqual(before)
  })
})
