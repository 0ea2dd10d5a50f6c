/** `/v1/data/{artifactId}/json`: the JSON documents of an artifact, each the bare value as a body, with its version as its tag. */
import { createRoute, z } from '@hono/zod-openapi'
import type { DocumentService } from '../../documents/service.ts'
import type { IfVersion } from '../../documents/spec.ts'
import { ValidationError } from '../../kernel/errors.ts'
import { expectId } from '../../kernel/ids.ts'
import type { Log } from '../../kernel/log.ts'
import { body, type Routes } from '../routing.ts'
import { artifactParams, DATA_PATH, wrap, wrapped } from './data.ts'
import { answers, createRoutes, failure, secured, securedBody } from './router.ts'

export type DocumentsDeps = { documents: DocumentService; log: Log }

const keyParams = artifactParams.extend({ key: z.string().describe('1 to 200 characters.') })
const conditions = z.object({
  'if-match': z.string().optional().describe('The tag that the document must have; `*`: the document must be there.'),
  'if-none-match': z.string().optional().describe('`*`: the document must not be there.'),
})
const setSchema = z.object({ key: z.string(), created: z.boolean(), version: z.int() })
const CONFLICT = { 409: failure('The document is not what the condition says: VERSION_CONFLICT') }

/** Absent: no condition. */
function ifVersionOf(headers: z.output<typeof conditions>): { ifVersion?: IfVersion } {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers
  if (match !== undefined && noneMatch !== undefined) {
    throw ValidationError.at('If-None-Match', 'cannot be combined with If-Match')
  }
  if (noneMatch !== undefined) {
    if (noneMatch.trim() !== '*') throw ValidationError.at('If-None-Match', 'must be *')
    return { ifVersion: 0 }
  }
  if (match === undefined) return {}
  if (match.trim() === '*') return { ifVersion: 'EXISTS' }
  const version = /^(?:"([1-9]\d{0,8})"|([1-9]\d{0,8}))$/.exec(match.trim())
  if (!version) throw ValidationError.at('If-Match', 'must be * or the tag of a version, such as "3"')
  return { ifVersion: Number(version[1] ?? version[2]) }
}

const tag = (version: number) => ({ etag: `"${version}"` })

export function documentRoutes({ documents, log }: DocumentsDeps): Routes {
  const routes = createRoutes(log, 'VALIDATION_ERROR')
  const path = `${DATA_PATH}/json/{key}`
  const refOf = ({ artifactId, key }: z.output<typeof keyParams>) => ({
    artifactId: expectId('Artifact', artifactId),
    key,
  })

  routes.openapi(
    createRoute({
      ...{ method: 'get', path: `${DATA_PATH}/json`, request: { params: artifactParams } },
      responses: answers({ 200: wrapped(z.object({ keys: z.array(z.string()), count: z.int() }), 'All keys') }),
    }),
    async (context) => {
      const artifactId = expectId('Artifact', context.req.valid('param').artifactId)
      const keys = await documents.keys(context.var.viewer, artifactId)
      return context.json(wrap({ keys, count: keys.length }), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'get', path, request: { params: keyParams } },
      responses: answers({
        200: wrapped(z.object({ key: z.string(), value: z.any(), version: z.int() }), 'The document'),
      }),
    }),
    async (context) => {
      const { key, value, version } = await documents.get(context.var.viewer, refOf(context.req.valid('param')))
      return context.json(wrap({ key, value, version }), 200, tag(version))
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'put', path, ...securedBody() },
      request: { params: keyParams, headers: conditions, ...body(z.any().describe('Any JSON of at most 256 KiB.')) },
      responses: answers({
        ...{ 200: wrapped(setSchema, 'Changed'), 201: wrapped(setSchema, 'Made') },
        ...CONFLICT,
      }),
    }),
    async (context) => {
      const condition = ifVersionOf(context.req.valid('header'))
      const input = { ...refOf(context.req.valid('param')), ...condition, value: await context.req.json() }
      const { key, version } = await documents.set(context.var.viewer, input)
      const created = version === 1
      return context.json(wrap({ key, created, version }), created ? 201 : 200, tag(version))
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'delete', path, ...secured() },
      request: { params: keyParams, headers: conditions },
      responses: answers({ 200: wrapped(z.object({ deleted: z.string() }), 'The key, which is gone'), ...CONFLICT }),
    }),
    async (context) => {
      const condition = ifVersionOf(context.req.valid('header'))
      const { key } = await documents.remove(context.var.viewer, { ...refOf(context.req.valid('param')), ...condition })
      return context.json(wrap({ deleted: key }), 200)
    },
  )

  return routes
}
