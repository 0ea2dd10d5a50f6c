/** How Boozles says it, in each of its formats. */
import { expect } from 'vitest'
import { BY_STATUS, type Call, halfADayOff, JSON_TYPE, SLOT_OF_LAST_DAY, type Speech, withField } from './speech.ts'

type Format = 'application/json' | 'text/xml' | 'application/xml' | 'text/plain'

const XML = /xml$/

const cron = () => `0 ${halfADayOff()} * * ?`

/** A job as it is asked for: plain text is only ever answered, so JSON asks for it. */
const written = (format: Format, fields: Record<string, string | number>, more = ''): string =>
  XML.test(format)
    ? `<job>${Object.entries(fields)
        .map(([name, value]) => `<${name}>${value}</${name}>`)
        .join('')}${more}</job>`
    : JSON.stringify(fields)

function boozlesIn(format: Format): Speech {
  const isXml = XML.test(format)
  const type = isXml ? { 'content-type': format } : JSON_TYPE
  /** Of one job there is no plain text. */
  const whole = format === 'text/plain' ? 'application/json' : format
  const asked = (route: string, body?: string): Call => ({
    route,
    headers: { accept: format, ...(body !== undefined && type) },
    ...(body !== undefined && { body }),
  })
  return {
    name: `Boozles in ${format}`,
    dialect: 'boozles',
    surface: 'BOOZLES',
    isOpen: false,
    prepare: async (_app, _token, callback) => ({ url: callback }),
    create: (ground) => asked('POST /1/jobs', written(format, { ...ground, cron: cron() })),
    idIn: ({ text, headers }) => {
      const id = headers.get('location')?.split('/').at(-1) ?? ''
      expect(text).toContain(id)
      return id
    },
    list: asked('GET /1/jobs'),
    listed({ text }) {
      if (isXml) return [...text.matchAll(/<id>([^<]*)<\/id>/g)].map(([, id = '']) => id)
      return format === 'text/plain' ? text.split(',').filter(Boolean) : JSON.parse(text)
    },
    read: (id) => ({ route: `GET /1/jobs/${id}`, headers: { accept: whole } }),
    nextIn({ text }) {
      const next = isXml ? /<next>(.*)<\/next>/.exec(text)?.[1] : JSON.parse(text).next
      expect(next).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
      return new Date(next).toISOString()
    },
    change: (id) => asked(`PUT /1/jobs/${id}`, written(format, { url: 'http://127.0.0.1:9/other', cron: cron() })),
    remove: (id) => asked(`DELETE /1/jobs/${id}`),
    alsoWrites: () => [
      {
        route: `POST /1/jobs/${encodeURIComponent(cron())}/${encodeURIComponent('http://127.0.0.1:9/')}`,
        headers: { accept: format, 'content-type': 'text/plain' },
        body: 'testing',
      },
    ],
    noIds: ['00000000-0000-7000-8000-000000000000', '4711', 'job_1', 'nothing', 'a%2Fb', '%00', '%F0%9F%99%82'],
    withUnknown: (call) =>
      isXml
        ? { ...call, body: (call.body ?? '').replace('</job>', '<no_such_field><deep>1</deep></no_such_field></job>') }
        : withField(call),
    unknown: 'ignored',
    nowhere: '/1/nothing',
    wrongMethod: { route: 'PATCH /1/jobs', allowed: 'GET, POST' },
    wrongTypes: ['text/plain', 'application/x-www-form-urlencoded', 'application/octet-stream'],
    malformed: isXml
      ? ['', '<job><url>', '<job></job', '<url>https://example.org/</url>', '<job>&nbsp;</job>', '{"url": "x"}']
      : ['', '{"url": ', "{'url': 1}", '{"url": 1,,}'],
    refusals: BY_STATUS,
    told({ status, headers, text }, call) {
      const accept = call.headers?.accept ?? format
      expect(headers.get('content-type')).toBe(`${accept}; charset=utf-8`)
      expect([headers.get('vary'), headers.get('content-length')]).toEqual(['Accept', String(Buffer.byteLength(text))])
      if (accept === 'application/json') expect(JSON.parse(text)).toEqual({ error: expect.stringMatching(/./) })
      else expect(text).toMatch(XML.test(accept) ? /^<error>[^<]+<\/error>\n?$/ : /^[^\n]+\n?$/)
      if (status === 401) expect(headers.get('www-authenticate')).toContain('Basic')
      return [status, null]
    },
    slotNow: SLOT_OF_LAST_DAY,
  }
}

export const boozles = (['application/json', 'text/xml', 'application/xml', 'text/plain'] as const).map(boozlesIn)
