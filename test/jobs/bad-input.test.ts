/** Bad input gets a typed error that names the field, and nothing is written. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../support/app.ts'
import { countRows, makeJob, type Person, post, publishSite, signUp } from '../support/people.ts'

const CREATE = `mutation($input: CreateJobInput!) {
  answer: createJob(input: $input) { __typename ... on Job { id } ... on ValidationError { issues { path message } } ... on Error { code message } }
}`

/** What no receiver of the public internet needs. */
const PUBLIC = { webhook: { url: 'https://receiver.example/hook' } }
const webhook = (config: object) => ({ actions: [{ webhook: { url: 'https://receiver.example/hook', ...config } }] })
const url = (text: string) => webhook({ url: text })
const cron = (expression: string, more: object = {}) => ({ schedule: { cron: { expression, ...more } } })
/** Deeper than JSON.stringify can write. */
const ENDLESS = '(endless)'
const written = (body: object) =>
  JSON.stringify(body).replace(`"${ENDLESS}"`, `${'['.repeat(20_000)}${']'.repeat(20_000)}`)

let app: TestApp
let database: pg.Client
let alice: Person
let jobId: string
/** Of every table, once all is there that the tests need. */
let before: Record<string, number>
let ids: Record<'public' | 'private' | 'deleted', string>

beforeAll(async () => {
  app = await createTestApp({ EGRESS_ALLOW_CIDRS: '' })
  database = new pg.Client(app.databaseUrl)
  await database.connect()
  alice = await signUp(app, 'alice')
  const bob = await signUp(app, 'bob')
  ids = {
    public: (await publishSite(app, 'shown', bob.token)).id,
    private: (await publishSite(app, 'hidden', bob.token, { visibility: 'PRIVATE' })).id,
    deleted: (await publishSite(app, 'gone', alice.token)).id,
  }
  const query = 'mutation($id: ID!) { deleteArtifact(input: { artifactId: $id }) { __typename } }'
  await post(app, { query, variables: { id: ids.deleted } }, alice.token)
  jobId = (await makeJob(app, alice.token, { actions: [PUBLIC] })).id
  before = await countRows(database)
})
afterAll(async () => {
  await database?.end()
  await app?.stop()
})

const create = async (input: object | string) => {
  const variables = { input: { actions: [PUBLIC], ...(input as object) } }
  return (await post(app, typeof input === 'string' ? input : written({ query: CREATE, variables }), alice.token)).body
}

const window = (startOn: string, endOn: string) => ({ startOn, endOn })
const inThePast = new Date(Date.now() - 1_000).toISOString()

const REFUSED: [what: string, input: object, path: string][] = [
  ['an unknown zone', cron('0 9 * * *', { timezone: 'Europe/Berlni' }), 'schedule.cron.timezone'],
  ['no zone at all', cron('0 9 * * *', { timezone: '' }), 'schedule.cron.timezone'],
  ['an offset for a zone', cron('0 9 * * *', { timezone: '+02:00' }), 'schedule.cron.timezone'],
  ['a zone of 10,000 characters', cron('0 9 * * *', { timezone: 'x'.repeat(10_000) }), 'schedule.cron.timezone'],
  ['a zone with a NUL', cron('0 9 * * *', { timezone: 'UTC\0' }), 'schedule.cron.timezone'],
  ['an empty expression', cron(''), 'schedule.cron.expression'],
  ['an expression of words', cron('every day at nine'), 'schedule.cron.expression'],
  ['a value out of range', cron('60 * * * *'), 'schedule.cron.expression'],
  ['too many fields', cron('* * * * * * * *'), 'schedule.cron.expression'],
  ['an expression of 1,001 characters', cron('0'.repeat(1_001)), 'schedule.cron.expression'],
  ['an expression with a NUL', cron('0 9 * * \0'), 'schedule.cron.expression'],
  ['QUARTZ read as VIXIE', cron('0 0 9 ? * MON'), 'schedule.cron.expression'],
  ['VIXIE read as QUARTZ', cron('0 9 * * *', { dialect: 'QUARTZ' }), 'schedule.cron.expression'],
  ['a day that never comes', cron('0 0 30 2 *'), 'schedule.cron.expression'],
  ['a year that has gone', cron('0 0 0 1 1 ? 2020', { dialect: 'QUARTZ' }), 'schedule.cron.expression'],
  ['an interval of nothing', { schedule: { every: { seconds: 0 } } }, 'schedule.every.seconds'],
  ['a negative interval', { schedule: { every: { seconds: -60 } } }, 'schedule.every.seconds'],
  ['an interval beyond a year', { schedule: { every: { seconds: 2 ** 31 - 1 } } }, 'schedule.every.seconds'],
  ['an instant that has passed', { schedule: { at: inThePast } }, 'schedule.at'],
  [
    'a window without a slot',
    { ...cron('0 12 1 1 *'), ...window('2090-02-01T00:00:00Z', '2090-12-01T00:00:00Z') },
    'schedule',
  ],
  [
    'a window that has passed',
    { ...cron('* * * * *'), ...window('2001-01-01T00:00:00Z', '2001-02-01T00:00:00Z') },
    'schedule',
  ],
  [
    'an instant outside of the window',
    { schedule: { at: '2090-01-01T00:00:00Z' }, endOn: '2089-01-01T00:00:00Z' },
    'schedule',
  ],
  [
    'an end before the start',
    { ...cron('* * * * *'), ...window('2090-01-02T00:00:00Z', '2090-01-01T00:00:00Z') },
    'endOn',
  ],
  ['an end before the start without a schedule', window('2090-01-01T00:00:00Z', '2090-01-01T00:00:00Z'), 'endOn'],
  ['a schedule and an event', { ...cron('* * * * *'), eventType: 'order.paid' }, 'eventType'],
  ['an event type with capitals', { eventType: 'Order.Paid' }, 'eventType'],
  ['an empty event type', { eventType: '' }, 'eventType'],
  ['an event type of 101 characters', { eventType: 'x'.repeat(101) }, 'eventType'],
  ['an event type with a NUL', { eventType: 'order\0' }, 'eventType'],
  ['a name of 10,000 characters', { name: 'x'.repeat(10_000) }, 'name'],
  ['a name with a NUL', { name: 'a\0b' }, 'name'],
  ['a name with half a surrogate pair', { name: 'a\ud800b' }, 'name'],
  ['a description of 1,001 characters', { description: 'x'.repeat(1_001) }, 'description'],
  ['a description with a NUL', { description: '\0' }, 'description'],
  ['notes of 10,001 characters', { notes: 'x'.repeat(10_001) }, 'notes'],
  ['notes with half a surrogate pair', { notes: '\udc00' }, 'notes'],
  ['no actions', { actions: [] }, 'actions'],
  ['51 actions', { actions: Array.from({ length: 51 }, () => PUBLIC) }, 'actions'],
  ['an empty URL', url(''), 'actions.0.webhook.url'],
  ['a relative URL', url('/hook'), 'actions.0.webhook.url'],
  ['a URL that is not of the web', url('ftp://receiver.example/'), 'actions.0.webhook.url'],
  ['a script for a URL', url('javascript:alert(1)'), 'actions.0.webhook.url'],
  ['a URL of 10,000 characters', url(`https://receiver.example/${'x'.repeat(10_000)}`), 'actions.0.webhook.url'],
  ['credentials in the URL', url('https://user:password@receiver.example/'), 'actions.0.webhook.url'],
  ['a URL with a NUL', url('https://receiver.example/\0'), 'actions.0.webhook.url'],
  ...[
    '10.0.0.1',
    '169.254.169.254',
    '[::1]',
    '127.0.0.1',
    'localhost',
    '0.0.0.0',
    '[::ffff:10.0.0.1]',
    '2130706433',
  ].map((host): [string, object, string] => [`a URL to ${host}`, url(`http://${host}/`), 'actions.0.webhook.url']),
  ['a header with a line break', webhook({ headers: { a: 'b\r\nc: d' } }), 'actions.0.webhook.headers.a'],
  ['a header with a NUL', webhook({ headers: { a: '\0' } }), 'actions.0.webhook.headers.a'],
  ['a header of the connection', webhook({ headers: { Host: 'x' } }), 'actions.0.webhook.headers.Host'],
  ['headers that are no texts', webhook({ headers: { a: 1 } }), 'actions.0.webhook.headers.a'],
  ['headers that are a list', webhook({ headers: ['a'] }), 'actions.0.webhook.headers'],
  ['a body with a NUL', webhook({ body: 'a\0' }), 'actions.0.webhook.body'],
  ['a body with a NUL in a name', webhook({ body: { a: [{ 'b\0': 1 }] } }), 'actions.0.webhook.body'],
  ['a body with half a surrogate pair', webhook({ body: ['\ud800'] }), 'actions.0.webhook.body'],
  ['a body without an end', webhook({ body: ENDLESS }), 'actions.0.webhook.body'],
  ['a body beyond 1 MiB', webhook({ body: 'x'.repeat(1024 * 1024 + 1) }), 'actions.0.webhook.body'],
  ['a content type that is none', webhook({ contentType: 'json' }), 'actions.0.webhook.contentType'],
  ['a flaw in the second action', { actions: [PUBLIC, ...url('x').actions] }, 'actions.1.webhook.url'],
  ['no attempt at all', { retry: { maxAttempts: 0 } }, 'retry.maxAttempts'],
  ['101 attempts', { retry: { maxAttempts: 101 } }, 'retry.maxAttempts'],
  ['a negative delay', { retry: { initialDelay: -1 } }, 'retry.initialDelay'],
  ['a delay beyond a week', { retry: { maxDelay: 7 * 86_400 + 1 } }, 'retry.maxDelay'],
  ['no time at all', { timeout: 0 }, 'timeout'],
  ['more than a day', { timeout: 86_401 }, 'timeout'],
  ['a negative window', { catchUpWindow: -1 }, 'catchUpWindow'],
  ['a negative spread', { spread: -1 }, 'spread'],
  ['a spread beyond a day', { spread: 86_401 }, 'spread'],
  ['a spread as long as the interval', { schedule: { every: { seconds: 60 } }, spread: 60 }, 'spread'],
  ['a spread longer than the interval', { schedule: { every: { seconds: 1 } }, spread: 86_400 }, 'spread'],
  ['a priority below -100', { priority: -101 }, 'priority'],
  ['a priority above 100', { priority: 101 }, 'priority'],
  ['a priority that its column cannot hold', { priority: 2 ** 31 - 1 }, 'priority'],
  ['a limit of nothing', { concurrency: { limit: 0 } }, 'concurrency.limit'],
  ['a negative limit', { concurrency: { limit: -1, key: 'crm' } }, 'concurrency.limit'],
  ['a limit beyond 10,000', { concurrency: { limit: 10_001 } }, 'concurrency.limit'],
  ['an empty key', { concurrency: { limit: 1, key: '' } }, 'concurrency.key'],
  ['a key of 201 characters', { concurrency: { limit: 1, key: 'x'.repeat(201) } }, 'concurrency.key'],
  ['a key with a NUL', { concurrency: { limit: 1, key: 'a\0' } }, 'concurrency.key'],
  [
    'an end before the start of an event job',
    { eventType: 'x', ...window('2090-01-02T00:00:00Z', '2090-01-01T00:00:00Z') },
    'endOn',
  ],
]

describe('createJob refuses', () => {
  it.each(REFUSED)('%s', async (_what, input, path) => {
    const { data, errors } = await create(input)
    expect(errors).toBeUndefined()
    expect(data.answer).toMatchObject({ __typename: 'ValidationError', code: 'VALIDATION' })
    expect(data.answer.issues).toEqual([{ path, message: expect.stringMatching(/\S/) }])
    expect(data.answer.message).toContain(path)
    expect(await countRows(database)).toEqual(before)
  })

  it('several flaws at once, each by its field', async () => {
    const { data } = await create({ name: 'a\0', timeout: 0, retry: { maxAttempts: 0, initialDelay: -1 } })
    const paths = data.answer.issues.map(({ path }: { path: string }) => path)
    expect(paths.sort()).toEqual(['name', 'retry.initialDelay', 'retry.maxAttempts', 'timeout'])
  })

  it('an artifact that is another’s: FORBIDDEN if one may see it, else NOT_FOUND', async () => {
    const answerTo = async (artifactId: string) => (await create({ artifactId })).data.answer
    const notFound = { __typename: 'NotFoundError', code: 'NOT_FOUND' }
    expect(await answerTo(ids.public)).toMatchObject({ __typename: 'ForbiddenError', code: 'FORBIDDEN' })
    for (const id of [ids.private, ids.deleted]) expect(await answerTo(id)).toMatchObject(notFound)
    for (const id of ['', 'shown', 'art_', 'art_00000000000000000000000000000000', ids.public.replace('art', 'job')]) {
      expect(await answerTo(id || 'x'), id).toMatchObject(notFound)
    }
    expect(await countRows(database)).toEqual(before)
  })
})

/** What the types of the schema refuse, before any service sees it. */
const MALFORMED: [what: string, input: object, named: string][] = [
  ['two forms of a schedule', { schedule: { at: '2090-01-01T00:00:00Z', every: { seconds: 60 } } }, 'ScheduleInput'],
  ['no form of a schedule', { schedule: {} }, 'ScheduleInput'],
  ['a form that is null', { schedule: { at: null } }, 'at'],
  ['two kinds in one action', { actions: [{ webhook: PUBLIC.webhook, mail: {} }] }, 'mail'],
  ['no kind in an action', { actions: [{}] }, 'ActionInput'],
  ['a kind that is unknown', { actions: [{ carrierPigeon: {} }] }, 'carrierPigeon'],
  ['an action without its URL', { actions: [{ webhook: {} }] }, 'url'],
  ['a method that is none', webhook({ method: 'BREW' }), 'method'],
  ['a field that is none', { colour: 'red' }, 'colour'],
  ['a number that is too large', { timeout: 2 ** 31 }, 'timeout'],
  ['a number with a fraction', { timeout: 1.5 }, 'timeout'],
  ['a number as a text', { timeout: '60' }, 'timeout'],
  ['a policy that is none', { overlap: 'CANCEL_EVERYTHING' }, 'overlap'],
  ['a spread with a fraction', { spread: 0.5 }, 'spread'],
  ['a priority with a fraction', { priority: 0.5 }, 'priority'],
  ['a priority as a text', { priority: 'HIGH' }, 'priority'],
  ['a limit with a fraction', { concurrency: { limit: 1.5 } }, 'limit'],
  ['a limit that is too large', { concurrency: { limit: 2 ** 31 } }, 'limit'],
  ['a limit that is null', { concurrency: { limit: null, key: 'crm' } }, 'limit'],
  ['a key without a limit', { concurrency: { key: 'crm' } }, 'limit'],
  ['a limit that is a number alone', { concurrency: 5 }, 'concurrency'],
  ['a date that is none', { startOn: '2030-02-30T00:00:00Z' }, 'startOn'],
  ['a date without a zone', { startOn: '2030-02-03T00:00:00' }, 'startOn'],
  ['the year 0', { startOn: '0000-01-01T00:00:00Z' }, 'startOn'],
  ['the year 10,000', { endOn: '9999-12-31T23:59:59-01:00' }, 'endOn'],
  ['a name that is a number', { name: 5 }, 'name'],
]

describe('the schema refuses', () => {
  it.each(MALFORMED)('%s', async (_what, input, named) => {
    const { data, errors } = await create(input)
    expect(data).toBeUndefined()
    expect(errors.length).toBeGreaterThan(0)
    expect(errors[0].extensions.code).toBe('BAD_REQUEST')
    expect(JSON.stringify(errors)).toContain(named)
    expect(await countRows(database)).toEqual(before)
  })

  it('two forms of a schedule that are written into the query', async () => {
    const input = '{ actions: [], schedule: { every: { seconds: 1 }, at: "2090-01-01T00:00:00Z" } }'
    const { errors } = await create(JSON.stringify({ query: `mutation { createJob(input: ${input}) { __typename } }` }))
    expect(errors).toMatchObject([{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }])
  })
})

describe('runJob refuses', () => {
  const RUN = `mutation($input: RunJobInput!) {
    answer: runJob(input: $input) { __typename ... on ValidationError { issues { path } } }
  }`

  it.each([
    ['a payload with a NUL', 'a\0'],
    ['a payload with half a surrogate pair', { a: ['\ud800'] }],
    ['a payload without an end', ENDLESS],
    ['a payload of more than 256 KiB', 'x'.repeat(256 * 1024)],
  ])('%s', async (_what, payload) => {
    const { body } = await post(app, written({ query: RUN, variables: { input: { jobId, payload } } }), alice.token)
    expect(body).toEqual({ data: { answer: { __typename: 'ValidationError', issues: [{ path: 'payload' }] } } })
    expect(await countRows(database)).toEqual(before)
  })
})

describe('what people do with runs is refused', () => {
  const ANSWER = '{ __typename ... on ValidationError { issues { path } } }'
  const ask = async (name: string, type: string, input: object) => {
    const query = `mutation($input: ${type}!) { answer: ${name}(input: $input) ${ANSWER} }`
    const { body } = await post(app, { query, variables: { input } }, alice.token)
    expect(await countRows(database)).toEqual(before)
    return body
  }
  const range = { from: '2024-01-01T00:00:00Z', to: '2024-01-02T00:00:00Z' }

  it.each([-101, 101, 32_768])('with a priority of %i', async (priority) => {
    const answer = { __typename: 'ValidationError', issues: [{ path: 'priority' }] }
    expect((await ask('runJob', 'RunJobInput', { jobId, priority })).data.answer).toEqual(answer)
    expect((await ask('backfillJob', 'BackfillJobInput', { jobId, ...range, priority })).data.answer).toEqual(answer)
  })

  it.each([
    ['a policy that is none', 'runJob', 'RunJobInput', { overlap: 'CANCEL_EVERYTHING' }, 'overlap'],
    ['a priority with a fraction', 'runJob', 'RunJobInput', { priority: 0.5 }, 'priority'],
    ['a policy that is none', 'backfillJob', 'BackfillJobInput', { ...range, overlap: 'ALL' }, 'overlap'],
    ['no end', 'backfillJob', 'BackfillJobInput', { from: range.from }, 'to'],
    ['an end that is no date', 'backfillJob', 'BackfillJobInput', { ...range, to: 'today' }, 'to'],
    [
      'a beginning in the year 0',
      'backfillJob',
      'BackfillJobInput',
      { ...range, from: '0000-01-01T00:00:00Z' },
      'from',
    ],
  ])('with %s: %s', async (_what, name, type, more, named) => {
    const { data, errors } = await ask(name, type, { jobId, ...more })
    expect(data).toBeUndefined()
    expect(JSON.stringify(errors)).toContain(named)
  })

  it.each([
    ['cancelRuns', 'CancelRunsInput'],
    ['retryRuns', 'RetryRunsInput'],
  ])('as %s without a filter, with a limit that is no number or with a state that is none', async (name, type) => {
    for (const input of [{}, { filter: null }, { filter: {}, limit: 1.5 }, { filter: { status: 'LATE' } }]) {
      const { data, errors } = await ask(name, type, input)
      expect(data).toBeUndefined()
      expect(errors.length).toBeGreaterThan(0)
    }
    for (const limit of [-1, 0, 101]) {
      const { data } = await ask(name, type, { filter: {}, limit })
      expect(data.answer).toEqual({ __typename: 'ValidationError', issues: [{ path: 'limit' }] })
    }
    for (const filter of [{ jobId: 'job' }, { artifactId: jobId }]) {
      expect((await ask(name, type, { filter })).data.answer).toEqual({ __typename: 'NotFoundError' })
    }
  })
})
