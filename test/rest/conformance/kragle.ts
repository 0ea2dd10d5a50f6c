/** How Kragle says it, at both of its addresses. */
import { expect } from 'vitest'
import { makeStack, query } from '../../support/people.ts'
import { json, type Speech, say, withField } from './speech.ts'

/** An hour, that no test waits for. */
const PERIOD = 3600

const kragleAt = (base: string): Speech => ({
  name: base === '' ? 'Kragle' : `Kragle at ${base}`,
  dialect: 'kragle',
  surface: 'KRAGLE',
  isOpen: false,
  async prepare(app, token, callback) {
    const made = await makeStack(app, token, { name: crypto.randomUUID(), actions: [{ webhook: { url: callback } }] })
    const [stack] = await query<{ number: number }>(app, 'select number from stack where id = $1::uuid', [
      made.id.slice(4),
    ])
    const schedule = await say(app, json(`POST ${base}/schedules`, { config: { period: PERIOD } }), token)
    return { stack_id: stack?.number ?? 0, schedule_id: JSON.parse(schedule.text).id }
  },
  create: (ground) => json(`POST ${base}/jobs`, { ...ground, enabled: true }),
  idIn: ({ text }) => String(JSON.parse(text).id),
  list: { route: `GET ${base}/jobs` },
  listed: ({ text }) => JSON.parse(text).jobs.map(({ id }: { id: number }) => String(id)),
  read: (id) => ({ route: `GET ${base}/jobs/${id}` }),
  nextIn: ({ text }) => new Date(JSON.parse(text).next_run * 1000).toISOString(),
  change: (id) => json(`PUT ${base}/jobs/${id}`, { enabled: false }),
  remove: (id) => ({ route: `DELETE ${base}/jobs/${id}` }),
  alsoWrites: () => [
    json(`POST ${base}/schedules`, { config: { period: PERIOD } }),
    json(`POST ${base}/blockstacks`, { name: 'Another', blocks: [['webhook', { url: 'http://127.0.0.1:9/' }, {}]] }),
  ],
  noIds: [
    '2000000000',
    '99999999999999999999',
    '0',
    '-1',
    'nothing',
    '00000000-0000-7000-8000-000000000000',
    '%00',
    '%F0%9F%99%82',
  ],
  withUnknown: withField,
  unknown: [500, 4],
  nowhere: `${base}/jobs/byid/1/nothing`,
  wrongMethod: { route: `PATCH ${base}/jobs`, allowed: 'GET, POST' },
  wrongTypes: ['text/plain', 'application/x-www-form-urlencoded', 'application/xml'],
  malformed: ['', '{"stack_id": ', "{'stack_id': 1}", '{"stack_id": 1,}'],
  refusals: {
    notSignedIn: [403, 3],
    noScope: [403, 3],
    noSuchThing: [500, 6],
    noSuchRoute: [404, 6],
    wrongMethod: [405, 4],
    tooLarge: [413, 4],
    wrongType: [415, 4],
    malformed: [500, 2],
    tooOften: [429, 4],
  },
  told({ status, headers, text }) {
    expect(headers.get('content-type')).toBe('application/json')
    const { code, msg, ...rest } = JSON.parse(text)
    expect([rest, msg]).toEqual([{}, expect.stringMatching(/./)])
    return [status, code]
  },
  slotNow: `next_run_at = now(), anchor = now() - interval '${PERIOD} seconds'`,
})

export const kragle = [kragleAt(''), kragleAt('/api/v1')]
