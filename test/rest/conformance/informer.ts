/** How Informer says it. */
import { STATUS_CODES } from 'node:http'
import { expect } from 'vitest'
import { BY_STATUS, halfADayOff, json, SLOT_OF_LAST_DAY, type Speech, withField } from './speech.ts'

export const informer: Speech = {
  name: 'Informer',
  dialect: 'informer',
  surface: 'INFORMER',
  isOpen: false,
  prepare: async (_app, _token, callback) => ({ callback }),
  create: ({ callback }) =>
    json('POST /api/jobs', {
      ...{ name: 'A job', type: 'api-call', data: { url: callback } },
      ...{ interval: `${halfADayOff()} * * *`, timezone: 'UTC', enabled: true },
    }),
  idIn: ({ text }) => JSON.parse(text).id,
  list: { route: 'GET /api/jobs' },
  listed: ({ text }) => JSON.parse(text)._embedded['inf:job'].map(({ id }: { id: string }) => id),
  read: (id) => ({ route: `GET /api/jobs/${id}` }),
  nextIn: ({ text }) => JSON.parse(text).nextRunAt,
  change: (id) => json(`PUT /api/jobs/${id}`, { description: 'Changed' }),
  remove: (id) => ({ route: `DELETE /api/jobs/${id}` }),
  run: (id) => ({ route: `POST /api/jobs/${id}` }),
  alsoWrites: (id) => [
    json('POST /api/datasets', { name: 'Sales' }),
    json(`PUT /api/jobs/${id}/owner`, { ownerId: 'admin' }),
    json(`POST /api/jobs/${id}/actions`, { type: 'api-call', data: { url: 'http://127.0.0.1:9/' } }),
  ],
  noIds: [
    '00000000-0000-7000-8000-000000000000',
    'nobody:nothing',
    'nobody%3Anothing',
    '4711',
    'job_1',
    'a%2Fb',
    '%00',
    '%F0%9F%99%82',
  ],
  withUnknown: withField,
  unknown: 'ignored',
  nowhere: '/api/nothing',
  wrongMethod: { route: 'PATCH /api/jobs', allowed: 'GET, POST' },
  wrongTypes: ['text/plain', 'application/x-www-form-urlencoded', 'application/xml'],
  malformed: ['', '{"name": ', "{'name': 1}", '{"name": 1,}'],
  refusals: BY_STATUS,
  told({ status, headers, text }) {
    expect(headers.get('content-type')).toBe('application/json')
    const { statusCode, error, message, ...rest } = JSON.parse(text)
    expect([statusCode, error, rest]).toEqual([status, STATUS_CODES[status], {}])
    expect(message).toMatch(/./)
    if (status === 401) expect(headers.get('www-authenticate')).toBe('Bearer, Basic realm="Runsheet"')
    return [status, null]
  },
  slotNow: SLOT_OF_LAST_DAY,
}
