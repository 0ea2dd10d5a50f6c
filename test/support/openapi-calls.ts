/** Whether what was sent and answered is what an OpenAPI document says of it, in whatever format. */
import { type Content, flawsBySchema, type OpenApi, type Operation } from './openapi.ts'

type Schema = { $ref?: string; type?: string; xml?: { name?: string }; items?: Schema }

/** What the document says of `PUT /v1/jobs/4711`: of the paths that fit, the one with the fewest open parts. */
export function operationOf({ paths, servers }: OpenApi, route: string): Operation | undefined {
  const [method = '', target = ''] = route.split(' ')
  const base = servers
    .map(({ url }) => new URL(url).pathname)
    .find((path) => path !== '/' && target.startsWith(`${path}/`))
  const path = (base ? target.slice(base.length) : target).replace(/\?.*/, '')
  const fits = (pattern: string) => new RegExp(`^${pattern.replace(/\{\w+\}/g, '[^/]+')}$`).test(path)
  const open = (pattern: string) => pattern.split('{').length
  const [found] = Object.keys(paths)
    .filter((pattern) => fits(pattern) && paths[pattern]?.[method.toLowerCase()])
    .sort((one, other) => open(one) - open(other))
  return paths[found ?? '']?.[method.toLowerCase()]
}

/** What is wrong with a text of this type, by what the document says of it there; empty: nothing. */
export function flawsOfText(document: OpenApi, part: Content | undefined, type: string, text: string): unknown[] {
  const [bare = ''] = type.split(';')
  const schema = part?.content?.[bare]?.schema
  if (!schema) return part && !part.content && text === '' ? [] : [`the document says nothing of ${bare} here`]
  try {
    return flawsBySchema(document, schema, read(document, schema, bare, text))
  } catch (error) {
    return [String(error)]
  }
}

function read(document: OpenApi, schema: Schema, type: string, text: string): unknown {
  if (type === 'text/plain') return text
  return type.endsWith('xml') ? readXml(resolved(document, schema), text) : JSON.parse(text)
}

const resolved = (document: OpenApi, schema: Schema): Schema =>
  (schema.$ref ?? '#/')
    .split('/')
    .slice(1)
    .filter(Boolean)
    .reduce((at: object, key) => at[key as never], schema.$ref ? document : schema) as Schema

/** An element of texts, or of elements with texts, under the names that the schema gives them. */
function readXml({ type, xml, items }: Schema, text: string): unknown {
  const inner = contentOf(xml?.name ?? '', text)
  if (type === 'string') return inner
  const children = [...inner.matchAll(/\s*<(\w+)>([^<]*)<\/\1>\s*/g)].map(([, name = '', value = '']) => [name, value])
  if (inner.replace(/<(\w+)>[^<]*<\/\1>/g, '').trim() !== '')
    throw new Error(`${inner} has more than elements of texts`)
  if (type !== 'array') return Object.fromEntries(children)
  return children.map(([name, value]) => {
    if (name !== items?.xml?.name) throw new Error(`<${name}> is not <${items?.xml?.name}>`)
    return value
  })
}

function contentOf(name: string, text: string): string {
  const [, inner] = new RegExp(`^\\s*<${name}>([^]*)</${name}>\\s*$`).exec(text) ?? []
  if (inner === undefined) throw new Error(`${text} is no <${name}>`)
  return inner
}
