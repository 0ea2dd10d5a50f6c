/** What every dialect refuses, each in its own form; nothing is changed by it. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { countRows, issueToken, type Person, query, signUp } from '../../support/people.ts'
import { REVOKE } from './operations.ts'
import { type Answer, type Call, callsOf, type Ground, makeOne, say, type Wrong } from './speech.ts'
import { speeches } from './speeches.ts'

const MAX_BODY_BYTES = 2048

let app: TestApp
let database: pg.Client
beforeAll(async () => {
  app = await createTestApp({ MAX_BODY_BYTES: String(MAX_BODY_BYTES) })
  database = new pg.Client(app.databaseUrl)
  await database.connect()
})
afterAll(async () => {
  await database.end()
  await app.stop()
})

describe.each(speeches)('what $name refuses', (speech) => {
  let ann: Person
  let ground: Ground
  let job: string
  beforeAll(async () => {
    ann = await signUp(app, `ann-${speeches.indexOf(speech)}`)
    ground = await speech.prepare(app, ann.token, 'http://127.0.0.1:9/')
    job = await makeOne(app, speech, ann.token)
  })

  const stored = async () => ({
    rows: await countRows(database),
    jobs: await query(database, 'select * from job order by id'),
  })

  /** Each is refused, as what it is, and nothing is changed. */
  async function refused(calls: readonly Call[], wrong: Wrong, token: string | null = ann.token) {
    const before = await stored()
    const answers: Answer[] = []
    for (const call of calls) {
      const answer = await say(app, call, token)
      expect(speech.told(answer, call), `${call.route}: ${answer.text}`).toEqual(speech.refusals[wrong])
      answers.push(answer)
    }
    expect(await stored()).toEqual(before)
    return answers
  }

  const create = () => speech.create(ground)
  const writing = () => [create(), ...speech.alsoWrites(job), ...callsOf(speech, job).slice(1)]
  const reading = () => [speech.list, speech.read(job)]
  const withBody = () => [create(), speech.change(job)]
  const having = (calls: Call[], headers: Record<string, string>) =>
    calls.map((call) => ({ ...call, headers: { ...call.headers, ...headers } }))

  it('whoever sends no credentials, or wrong ones', async () => {
    const all = [...reading(), ...writing()]
    await refused(all, 'notSignedIn', null)
    await refused(all, 'notSignedIn', 'rst_wrong')
    for (const authorization of ['Bearer', `Digest ${ann.token}`, ann.token, 'Basic !!!']) {
      await refused(having(all, { authorization }), 'notSignedIn', null)
    }
  })

  it('a token that was taken back, and one whose time is over', async () => {
    const revoked = await issueToken(app, ann.token)
    expect((await say(app, speech.list, revoked.token)).status).toBe(200)
    const { revokeToken } = (await app.send(REVOKE, { tokenId: revoked.id }, { token: ann.token })).data
    expect(revokeToken).toHaveProperty('revokedAt', expect.any(String))
    const expired = await issueToken(app, ann.token, { expiresAt: '2999-01-01T00:00:00Z' as never })
    await query(database, `update api_token set expires_at = now() - interval '1 second' where expires_at is not null`)
    for (const { token } of [revoked, expired]) await refused([...reading(), ...writing()], 'notSignedIn', token)
  })

  it('a token without the scope', async () => {
    const { token: reader } = await issueToken(app, ann.token, { scopes: ['jobs:read', 'artifacts:read', 'data:read'] })
    expect((await say(app, speech.read(job), reader)).status).toBe(200)
    await refused(writing(), 'noScope', reader)
    const { token: writer } = await issueToken(app, ann.token, { scopes: ['jobs:write', 'artifacts:write'] })
    await refused(reading(), 'noScope', writer)
  })

  it('an id that nothing has, or that is none', async () => {
    await refused(
      speech.noIds.flatMap((id) => callsOf(speech, id)),
      'noSuchThing',
    )
  })

  it('a path where there is nothing', async () => {
    const paths = [speech.nowhere, `${speech.nowhere}/at/all`]
    const routes = paths.flatMap((path) => ['GET', 'PUT', 'DELETE'].map((method) => `${method} ${path}`))
    const posts = paths.map((path) => ({ ...create(), route: `POST ${path}` }))
    await refused([...routes.map((route) => ({ ...speech.list, route })), ...posts], 'noSuchRoute')
  })

  it('a method that is not for this path, and says which are', async () => {
    const { route, allowed } = speech.wrongMethod
    const [answer] = await refused([{ ...create(), route }], 'wrongMethod')
    expect(answer?.headers.get('allow')).toBe(allowed)
  })

  it('a body that is too large, whether its length is announced or not', async () => {
    const large = 'x'.repeat(MAX_BODY_BYTES + 1)
    const calls = [...withBody(), ...speech.alsoWrites(job)].map((call) => ({ ...call, body: large }))
    for (const { text } of await refused(calls, 'tooLarge')) expect(text).toContain(`${MAX_BODY_BYTES} bytes`)
    await refused(
      calls.map((call) => ({ ...call, inPieces: true })),
      'tooLarge',
    )
  })

  it('a body of a type that it does not read', async () => {
    for (const type of speech.wrongTypes) await refused(having(withBody(), { 'content-type': type }), 'wrongType')
  })

  it('a body that is broken', async () => {
    for (const body of speech.malformed) {
      await refused(
        withBody().map((call) => ({ ...call, body })),
        'malformed',
      )
    }
  })

  it('no field that it does not know, or each', async () => {
    const { unknown } = speech
    for (const call of withBody().map(speech.withUnknown)) {
      const before = await stored()
      const answer = await say(app, call, ann.token)
      if (unknown === 'ignored') expect([200, 201], answer.text).toContain(answer.status)
      else {
        expect(speech.told(answer, call)).toEqual(unknown)
        expect(await stored()).toEqual(before)
      }
    }
  })

  it('nothing of a question for the head alone: it is that of the answer', async () => {
    const before = await stored()
    for (const call of [...reading(), speech.read(speech.noIds[0] ?? '')]) {
      const whole = await say(app, call, ann.token)
      const head = await say(app, { ...call, route: call.route.replace('GET', 'HEAD') }, ann.token)
      expect([head.status, head.text]).toEqual([whole.status, ''])
      for (const name of ['content-type', 'vary', 'www-authenticate']) {
        expect(head.headers.get(name), name).toBe(whole.headers.get(name))
      }
    }
    expect(await stored()).toEqual(before)
  })

  it(`pages of other origins${speech.isOpen ? ', not even those: it is open to them' : ''}`, async () => {
    const origin = 'https://a.example'
    const { list } = speech
    const route = list.route.replace('GET', 'OPTIONS')
    const asked = { ...list, route, headers: { ...list.headers, origin, 'access-control-request-method': 'POST' } }
    const preflight = await say(app, asked, null)
    const [plain] = await refused([{ ...list, route }], 'wrongMethod')
    expect(plain?.headers.get('allow')).toBe('GET, POST')
    const { headers } = await say(app, { ...list, headers: { ...list.headers, origin } }, ann.token)
    const granted = [preflight.headers, headers].map((each) => each.get('access-control-allow-origin'))
    if (speech.isOpen) expect([preflight.status, ...granted]).toEqual([204, '*', '*'])
    else expect([speech.told(preflight, asked), ...granted]).toEqual([speech.refusals.wrongMethod, null, null])
  })

  it('has an id in every answer, by which the log is asked', async () => {
    const answers = await Promise.all(reading().map((call) => say(app, call, ann.token)))
    const wrong = await refused(writing(), 'notSignedIn', null)
    const ids = [...answers, ...wrong].map(({ headers }) => headers.get('x-request-id'))
    expect(ids).toEqual(ids.map(() => expect.stringMatching(/^\S{8,}$/)))
    expect(new Set(ids).size).toBe(ids.length)
    const given = { ...speech.list, headers: { ...speech.list.headers, 'x-request-id': 'one-of-a-client' } }
    expect((await say(app, given, ann.token)).headers.get('x-request-id')).toBe('one-of-a-client')
  })
})

const PER_MINUTE = 12

describe('where the operator limits how often a client may ask', () => {
  let limited: TestApp
  beforeAll(async () => {
    limited = await createTestApp({ RATE_LIMIT_PER_MINUTE: String(PER_MINUTE) })
  })
  afterAll(() => limited.stop())

  it.each(speeches)('$name says when to come back', async (speech) => {
    const eager = await signUp(limited, `eager-${speeches.indexOf(speech)}`)
    const { token } = await issueToken(limited, eager.token)
    const ground = await speech.prepare(limited, (await issueToken(limited, eager.token)).token, 'http://127.0.0.1:9/')
    for (let n = 0; n < PER_MINUTE; n++) expect((await say(limited, speech.list, token)).status).toBe(200)
    const before = await countRows(limited)
    const call = speech.create(ground)
    const answer = await say(limited, call, token)
    expect(speech.told(answer, call)).toEqual(speech.refusals.tooOften)
    const seconds = Number(answer.headers.get('retry-after'))
    expect(seconds > 0 && seconds <= 60).toBe(true)
    expect(await countRows(limited)).toEqual(before)
    expect((await say(limited, speech.list, (await issueToken(limited, eager.token)).token)).status).toBe(200)
  })
})
