/**
 * `{{ steps.fetch.body.id }}` in the texts of a configuration. A template names a value and does nothing else: there is
 * no logic, and a value is escaped for the place that it lands in, so it cannot write syntax of its own there. `\{{` is a
 * plain `{{`, `\\{{` a backslash before a template, `\\\{{` one before a plain `{{`, and so on. What leads nowhere fails the
 * step: a call to half an address is worse than none. Pure.
 *
 * The roots: `steps.<name>` (what an earlier step left), `run`, `job`, `artifact`, `event`, `input`.
 */
import type { Issue } from '../kernel/errors.ts'
import { JSON_DEPTH_LIMIT } from '../kernel/storable.ts'

/**
 * text: as it is. line: on one line. html: markup is escaped. slack: its control characters are. url: one segment of the
 * path, or one value of the query. form: one value of a urlencoded body. header: a field value, refused if it is none.
 * json: the texts in a JSON value; a text that is nothing but a template becomes the value itself. jsonText: JSON that
 * is written out, where a value lands inside of a string or in the place of one.
 */
export type Place = 'text' | 'line' | 'html' | 'slack' | 'url' | 'form' | 'header' | 'json' | 'jsonText'

/** Of the fields that may hold templates, or of the fields of those, where the values land. */
export type Places<Field extends PropertyKey = string> = { [field in Field]?: Place | Places }

export type Scope = {
  steps: Readonly<Record<string, unknown>>
  run: Readonly<Record<string, unknown>>
  job: Readonly<Record<string, unknown>>
  artifact: Readonly<Record<string, unknown>> | null
  event: Readonly<Record<string, unknown>> | null
  input: unknown
}

/** A template that cannot be filled in. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError'
}

/** Characters of all values that are filled into one configuration. */
export const MAX_FILLED_CHARS = 2 * 1024 * 1024

/** In one text. */
const MAX_TEMPLATES = 1000

const ROOTS = ['steps', 'run', 'job', 'artifact', 'event', 'input']
/** All backslashes before it, and a `{{` up to the next `}}`, which may be missing. */
const TAG = /(?<!\\)(\\*)\{\{(?:([^{}]*)\}\})?/g
const PATH = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/
/** RFC 9110, 5.5. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
/** As URLs are read, where a backslash is a slash. */
const DOT_SEGMENT = /(^|[/\\])(\.|%2e){1,2}([/\\]|$)/i
const LINE_BREAK = /[\p{Cc}\u2028\u2029]/u

/** `path`: null if what stands there is none. */
type Template = { path: string[] | null; source: string }
type Part = { literal: string } | Template

/** Also one that is escaped, or that is none. */
export const hasTemplate = (text: string): boolean => text.includes('{{')

function partsOf(text: string): Part[] {
  const parts: Part[] = []
  let end = 0
  const add = (more: string) => {
    const last = parts.at(-1)
    if (last && 'literal' in last) last.literal += more
    else parts.push({ literal: more })
  }
  for (const { 0: whole, 1: backslashes = '', 2: inside, index } of text.matchAll(TAG)) {
    const isPlain = backslashes.length % 2 === 1
    add(text.slice(end, index) + backslashes.slice(0, backslashes.length / 2) + (isPlain ? '{{' : ''))
    end = index + (isPlain ? backslashes.length + 2 : whole.length)
    if (isPlain) continue
    const path = inside?.trim() ?? ''
    parts.push({ path: PATH.test(path) ? path.split('.') : null, source: whole.slice(backslashes.length) })
  }
  add(text.slice(end))
  return parts
}

/** A text that says this one when it is filled in, whatever stands in it. */
export const literal = (text: string): string =>
  text.replace(/(?<!\\)(\\*)\{\{/g, (_, backslashes: string) => `${backslashes}${backslashes}\\{{`)

/** What a text says that holds no templates; null: it holds some. */
export function literalOf(text: string): string | null {
  const parts = partsOf(text)
  return parts.every((part) => 'literal' in part) ? textWith(parts, '') : null
}

/** What is wrong with the templates in a value, as far as it is known before a run. `steps`: names of those before it. */
export function templateIssues(value: unknown, place: Place, steps: readonly string[], at: string): Issue[] {
  return textsIn(value, at).flatMap(({ text, path }) => {
    if (!hasTemplate(text)) return []
    if (text.split('{{', MAX_TEMPLATES + 2).length > MAX_TEMPLATES + 1) {
      return [{ path, message: `must have at most ${MAX_TEMPLATES} templates` }]
    }
    const parts = partsOf(text)
    const messages = parts.flatMap((part) => ('literal' in part ? [] : (flawOf(part, steps) ?? [])))
    if (place === 'url' && !startsWithOrigin(parts)) messages.push('a template may stand behind the host only')
    if (place === 'url' && leavesFolder(textWith(parts, 'x'))) messages.push('. and .. cannot stand beside templates')
    return [...new Set(messages)].map((message) => ({ path, message }))
  })
}

/** What is wrong with a value in which nothing is filled in. */
export const plainIssues = (value: unknown, at: string): Issue[] =>
  textsIn(value, at).flatMap(({ text, path }) =>
    hasTemplate(text) ? [{ path, message: 'can hold no templates: {{ would stay as it is' }] : [],
  )

function flawOf({ path, source }: Template, steps: readonly string[]): string | null {
  if (!path)
    return `${JSON.stringify(source)} is not a template such as {{ steps.fetch.status }}; write \\{{ for a plain {{`
  const [root = '', name] = path
  if (!ROOTS.includes(root)) return `a template begins with one of ${ROOTS.join(', ')}, not with ${root}`
  if (root !== 'steps' || (name !== undefined && steps.includes(name))) return null
  const known = steps.length > 0 ? `those before it are ${steps.join(', ')}` : 'there is none before it'
  return `there is no earlier step ${JSON.stringify(name ?? '')}: ${known}`
}

const startsWithOrigin = ([first]: Part[]): boolean =>
  first !== undefined && 'literal' in first && /^https?:\/\/[^/?#]+[/?#]/i.test(first.literal)

const textWith = (parts: Part[], value: string) =>
  parts.map((part) => ('literal' in part ? part.literal : value)).join('')

/** Whether a segment of the path steps up, or stays. URLs are read without tabs and line breaks. */
const leavesFolder = (url: string) => DOT_SEGMENT.test(url.replace(/[?#].*/s, '').replace(/[\t\r\n]/g, ''))

/** All texts in a JSON value, with the paths that lead to them. Keys are no templates; what is deeper cannot be kept. */
function textsIn(value: unknown, path: string, depth = 0): { text: string; path: string }[] {
  if (typeof value === 'string') return [{ text: value, path }]
  if (typeof value !== 'object' || value === null || depth > JSON_DEPTH_LIMIT) return []
  return Object.entries(value).flatMap(([key, each]) => textsIn(each, `${path}.${key}`, depth + 1))
}

/**
 * Fills in the fields of a configuration. Those that hold no template stay as they are.
 * @throws TemplateError
 */
export function fillConfig<Config extends object>(
  config: Config,
  places: Places<keyof Config>,
  scope: Scope,
  budget = { left: MAX_FILLED_CHARS },
): Config {
  const filled = Object.entries<Place | Places | undefined>(places).flatMap(([field, place]) => {
    const value: unknown = config[field as keyof Config]
    if (value === undefined || value === null || place === undefined) return []
    const isPlace = typeof place === 'string'
    return [[field, isPlace ? fill(value, place, scope, budget) : fillConfig(value, place, scope, budget)]]
  })
  return { ...config, ...Object.fromEntries(filled) }
}

function fill(value: unknown, place: Place, scope: Scope, budget: { left: number }): unknown {
  if (typeof value === 'string') return hasTemplate(value) ? fillText(value, place, scope, budget) : value
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((each) => fill(each, place, scope, budget))
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fill(each, place, scope, budget)]))
}

function fillText(text: string, place: Place, scope: Scope, budget: { left: number }): unknown {
  const parts = partsOf(text)
  const spend = (value: unknown) => {
    budget.left -= typeof value === 'string' ? value.length : (JSON.stringify(value)?.length ?? 0)
    if (budget.left < 0)
      throw new TemplateError(`the values of its templates have more than ${MAX_FILLED_CHARS} characters`)
    return value
  }
  const filled = parts.filter((part) => !('literal' in part) || part.literal !== '')
  const [only] = filled
  if (place === 'json' && only && 'path' in only && filled.length === 1) return spend(lookUp(only, scope))
  const look = (part: Template) => spend(lookUp(part, scope))
  if (place === 'jsonText') return jsonTextOf(parts, look)
  const result = parts
    .map((part) => ('literal' in part ? part.literal : escaped[place](textOf(look(part)), part.source)))
    .join('')
  if (place === 'url' && leavesFolder(result)) {
    throw new TemplateError('the address would leave its folder: a value of its templates is . or ..')
  }
  return result
}

/** Inside of a string a value is a part of it; elsewhere it is a value. */
function jsonTextOf(parts: Part[], look: (part: Template) => unknown): string {
  let quoted = false
  let result = ''
  for (const part of parts) {
    if ('literal' in part) {
      quoted = quotedAfter(part.literal, quoted)
      result += part.literal
    } else {
      const value = look(part)
      result += quoted ? JSON.stringify(textOf(value)).slice(1, -1) : JSON.stringify(value ?? null)
    }
  }
  return result
}

/** Whether a text is JSON whatever its templates stand for. */
export function isJsonTemplate(text: string): boolean {
  try {
    JSON.parse(jsonTextOf(partsOf(text), () => null))
    return true
  } catch {
    return false
  }
}

function lookUp({ path, source }: Template, scope: Scope): unknown {
  if (!path) throw new TemplateError(`${source} is not a template`)
  let value: unknown = scope
  for (const key of path) {
    const inside = typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    if (!inside) throw new TemplateError(`there is no value for ${source}`)
    value = (value as Record<string, unknown>)[key]
  }
  return value
}

/** Null is nothing; what has parts is JSON. */
function textOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

const escaped: Record<Exclude<Place, 'jsonText'>, (text: string, source: string) => string> = {
  text: (text) => text,
  json: (text) => text,
  // run by run: a pattern that looks for blanks around a line break takes forever where there are many and no break
  line: (text) => text.replace(/[\s\p{Cc}]+/gu, (blanks) => (LINE_BREAK.test(blanks) ? ' ' : blanks)),
  html: (text) => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? ''),
  slack: (text) => text.replace(/[&<>]/g, (character) => ENTITIES[character] ?? ''),
  url: (text) => encodeURIComponent(text.toWellFormed()),
  form: (text) => encodeURIComponent(text.toWellFormed()),
  header(text, source) {
    if (FIELD_VALUE.test(text)) return text
    throw new TemplateError(`the value of ${source} holds characters that a header may not have`)
  },
}

/** Whether a string of JSON is open behind this piece of it. */
function quotedAfter(json: string, quoted: boolean): boolean {
  for (const [token] of json.matchAll(/\\.|"/gs)) if (token === '"') quoted = !quoted
  return quoted
}
