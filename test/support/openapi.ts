/** The OpenAPI document of a dialect, and whether it is true. */
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect } from 'vitest'
import type { TestApp } from './app.ts'
import { rest } from './rest.ts'

export type Content = { content?: Record<string, { schema: object }> }
export type Operation = { requestBody?: Content; responses: Record<string, Content>; security?: object[] }

export type OpenApi = {
  paths: Record<string, Record<string, Operation>>
  components: object
  servers: { url: string }[]
  info?: unknown
}

export const openApiOf = async (app: TestApp, dialect: string): Promise<OpenApi> =>
  (await rest(app, `GET /openapi/${dialect}.json`, { token: null })).body

export async function expectValid(document: OpenApi) {
  const result = await new Validator().validate(structuredClone(document))
  expect(result.errors ?? []).toEqual([])
  expect(result.valid).toBe(true)
  const { info: _, ...broken } = structuredClone(document)
  expect((await new Validator().validate(broken)).valid).toBe(false)
}

/** What is wrong with a value, by the schema of a part of the document. */
export function flawsOf(document: OpenApi, part: Content | undefined, value: unknown) {
  const [content] = Object.values(part?.content ?? {})
  return content ? flawsBySchema(document, content.schema, value) : ['the document says nothing of it']
}

export function flawsBySchema(document: OpenApi, schema: object, value: unknown): unknown[] {
  const ajv = ajvs.get(document) ?? ajvOf(document)
  ajv.validate(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/')), value)
  return ajv.errors ?? []
}

/** By the documents that they know: to read one takes longer than to ask it. */
const ajvs = new WeakMap<OpenApi, Ajv2020>()

function ajvOf(document: OpenApi): Ajv2020 {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema({ $id: 'document', ...document })
  ajvs.set(document, ajv)
  return ajv
}

/** Every route of the document answers, and there are no others. `messageOf`: of an error of the dialect. */
export async function expectRoutes(app: TestApp, { paths }: OpenApi, messageOf: (body: never) => unknown) {
  const asked = (path: string) => path.replace(/\{\w+\}/g, 'x')
  for (const [path, operations] of Object.entries(paths)) {
    for (const method of Object.keys(operations)) {
      const route = `${method.toUpperCase()} ${asked(path)}`
      const { status, body } = await rest(app, route, { token: null })
      expect(status, route).not.toBe(405)
      expect(messageOf(body as never), route).not.toContain('There is nothing at')
    }
    const { headers } = await rest(app, `OPTIONS ${asked(path)}`)
    const fitting = Object.entries(paths).filter(([other]) =>
      new RegExp(`^${other.replace(/\{\w+\}/g, '[^/]+')}$`).test(asked(path)),
    )
    const documented = fitting.flatMap(([, each]) => Object.keys(each).map((method) => method.toUpperCase()))
    expect(headers.get('allow')?.split(', '), path).toEqual([...new Set(documented)].sort())
  }
}

export const routesOf = ({ paths }: OpenApi): string[] =>
  Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  )
