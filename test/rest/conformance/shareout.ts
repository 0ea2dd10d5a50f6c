/** How ShareOut says it. */
import { expect } from 'vitest'
import { publishSite } from '../../support/people.ts'
import { halfADayOff, json, SLOT_OF_LAST_DAY, type Speech, withField } from './speech.ts'

let sites = 0

export const shareout: Speech = {
  name: 'ShareOut',
  dialect: 'shareout',
  surface: 'SHAREOUT',
  isOpen: true,
  async prepare(app, token, callback) {
    const { id } = await publishSite(app, `site-${++sites}`, token)
    return { artifact: id, callback }
  },
  create: ({ artifact, callback }) =>
    json('POST /v1/jobs', {
      ...{ artifact_id: artifact, action: 'webhook', schedule: `${halfADayOff()} * * *` },
      config: { url: callback },
    }),
  idIn: ({ text }) => JSON.parse(text).id,
  list: { route: 'GET /v1/jobs' },
  listed: ({ text }) => JSON.parse(text).jobs.map(({ id }: { id: string }) => id),
  read: (id) => ({ route: `GET /v1/jobs/${id}` }),
  nextIn: ({ text }) => new Date(JSON.parse(text).next_run_at * 1000).toISOString(),
  change: (id) => json(`PATCH /v1/jobs/${id}`, { title: 'Changed' }),
  remove: (id) => ({ route: `DELETE /v1/jobs/${id}` }),
  run: (id) => ({ route: `POST /v1/jobs/${id}/run` }),
  alsoWrites: (id) => [
    json('POST /v1/publish', { name: 'A site', files: [{ path: 'index.html', content: 'x' }] }),
    json(`PUT /v1/jobs/${id}`, { enabled: false }),
  ],
  noIds: [
    `job_${'0'.repeat(12)}7${'0'.repeat(3)}8${'0'.repeat(15)}`,
    'job_1',
    '4711',
    '00000000-0000-7000-8000-000000000000',
    'a%2Fb',
    '%00',
    '%F0%9F%99%82',
  ],
  withUnknown: withField,
  unknown: 'ignored',
  nowhere: '/v1/nothing',
  wrongMethod: { route: 'PATCH /v1/jobs', allowed: 'GET, POST' },
  wrongTypes: ['text/plain', 'application/x-www-form-urlencoded', 'application/xml'],
  malformed: ['', '{"artifact_id": ', "{'artifact_id': 1}", '{"artifact_id": 1,}'],
  refusals: {
    notSignedIn: [401, 'UNAUTHORIZED'],
    noScope: [403, 'INSUFFICIENT_SCOPE'],
    noSuchThing: [404, 'NOT_FOUND'],
    noSuchRoute: [404, 'NOT_FOUND'],
    wrongMethod: [405, 'METHOD_NOT_ALLOWED'],
    tooLarge: [413, 'STORAGE_LIMIT_EXCEEDED'],
    wrongType: [415, 'UNSUPPORTED_MEDIA_TYPE'],
    malformed: [400, 'INVALID_JSON'],
    tooOften: [429, 'RATE_LIMIT_EXCEEDED'],
  },
  told({ status, headers, text }) {
    expect(headers.get('content-type')).toBe('application/json')
    const { code, param: _, ...rest } = JSON.parse(text)
    const request_id = headers.get('x-request-id')
    expect(rest).toEqual({ success: false, error: expect.stringMatching(/./), request_id })
    if (status === 401) expect(headers.get('www-authenticate')).toBe('Bearer')
    return [status, code]
  },
  slotNow: SLOT_OF_LAST_DAY,
}
