/** The actions of ShareOut: a configuration as its clients write it ↔ an action as it is stored. Pure. */
import { isDeepStrictEqual } from 'node:util'
import { literal, literalOf } from '../actions/template.ts'

type Config = Record<string, unknown>

/** Names of the actions, as its clients know them, and the kinds that do them. */
const KINDS = {
  email: 'email',
  webhook: 'webhook',
  http_get: 'httpGet',
  slack: 'slack',
  discord: 'discord',
  materialize: 'materialize',
} as const

type ActionName = keyof typeof KINDS

export type ShareoutAction = { action: ActionName; config: Config }

export const SHAREOUT_ACTIONS = Object.keys(KINDS) as ActionName[]

/** Fields that are the same on both sides, and hold texts in which `{{` is no template. */
const FIELDS: Record<ActionName, readonly string[]> = {
  email: ['recipients', 'subject', 'html', 'text', 'replyTo', 'includeArtifactLink', 'includeArtifactContent'],
  webhook: ['url', 'method', 'headers'],
  http_get: ['url', 'headers'],
  slack: ['webhookUrl', 'channel', 'username', 'iconEmoji', 'includeArtifactLink', 'customMessage'],
  discord: ['webhookUrl', 'username', 'avatarUrl', 'embedTitle', 'embedColor', 'customMessage'],
  materialize: ['source', 'target'],
}

/** Fields that the kinds fill in by themselves. */
const FILLED: Record<string, unknown> = {
  includeArtifactLink: false,
  includeArtifactContent: false,
  attachDatasets: [],
  includeArtifact: true,
  headers: {},
}

const FACTS = {
  artifact_id: '{{ artifact.id }}',
  artifact_name: '{{ artifact.name }}',
  artifact_url: '{{ artifact.url }}',
  triggered_at: '{{ run.startedAt }}',
}
const FACTS_AND_DATA = { ...FACTS, data: '{{ artifact.documents }}' }
/** The subject of a mail that was given none. */
const SUBJECT = '{{ artifact.name }}'

const escaped = (value: unknown): unknown => mapped(value, literal)

const mapped = (value: unknown, change: (text: string) => string): unknown => {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((each) => mapped(each, change))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, mapped(each, change)]))
}

const pick = (config: Config, fields: readonly string[]): Config =>
  Object.fromEntries(fields.flatMap((field) => (config[field] == null ? [] : [[field, config[field]]])))

/** Texts of addresses and names are taken as they are: they hold no templates. */
const TEXTS = new Set(['subject', 'html', 'text', 'customMessage', 'embedTitle'])

const withTexts = (config: Config, change: (value: unknown) => unknown): Config =>
  Object.fromEntries(Object.entries(config).map(([key, value]) => [key, TEXTS.has(key) ? change(value) : value]))

/** The action that does what its clients ask for; what it is no field of is passed over. */
export function actionOfShareout(action: ActionName, config: Config): { [kind: string]: Config } {
  const given = withTexts(pick(config, FIELDS[action]), escaped)
  return { [KINDS[action]]: { ...given, ...EXTRAS[action]?.(config) } }
}

const EXTRAS: { [action in ActionName]?: (config: Config) => Config } = {
  email({ subject, html, text, body }) {
    const isHtml = typeof body === 'string' && /<[a-z!/]/i.test(body)
    return {
      ...(subject == null && { subject: SUBJECT }),
      ...(typeof body === 'string' && html == null && text == null && { [isHtml ? 'html' : 'text']: escaped(body) }),
    }
  },
  webhook({ method, includeArtifactData }) {
    if (method === 'GET' || method === 'DELETE') return {}
    return { body: includeArtifactData === true ? FACTS_AND_DATA : FACTS }
  },
  materialize: ({ mode }) => ({ mode: mode === 'append' ? 'APPEND' : 'REPLACE' }),
}

/**
 * An action as its clients know it, of what is stored: what is as it is by itself is left out. Null: they know nothing
 * that does the same.
 */
export function shareoutConfigOf({ kind, config }: { kind: string; config: unknown }): ShareoutAction | null {
  const action = SHAREOUT_ACTIONS.find((each) => KINDS[each] === kind)
  if (!action) return null
  const { given: _, ...stored } = config as Config
  const told = Object.entries(pick(stored, FIELDS[action])).filter(
    ([key, value]) => !(key in FILLED && isDeepStrictEqual(value, FILLED[key])),
  )
  const shown = {
    ...withTexts(Object.fromEntries(told), (value) => mapped(value, (text) => literalOf(text) ?? text)),
    ...(action === 'webhook' && isDeepStrictEqual(stored.body, FACTS_AND_DATA) && { includeArtifactData: true }),
    ...(action === 'materialize' && { mode: stored.mode === 'APPEND' ? 'append' : 'replace' }),
  }
  if (action === 'email' && stored.subject === SUBJECT) delete (shown as Config).subject
  return doesTheSame(actionOfShareout(action, shown)[kind] ?? {}, stored) ? { action, config: shown } : null
}

function doesTheSame(one: Config, other: Config): boolean {
  const told = (config: Config) =>
    Object.fromEntries(
      Object.entries(config).filter(
        ([key, value]) => value != null && !(key in FILLED && isDeepStrictEqual(value, FILLED[key])),
      ),
    )
  return isDeepStrictEqual(told(one), told(other)) && fits(other)
}

/** A materialize of theirs has an address or a dataset by its name, and a target by its name. */
function fits({ source, target }: Config): boolean {
  if (source === undefined) return true
  const keys = [source, target].map((each) => Object.entries(each ?? {}).filter(([, value]) => value != null))
  return keys[0]?.length === 1 && ['url', 'dataset'].includes(keys[0][0]?.[0] ?? '') && keys[1]?.[0]?.[0] === 'name'
}
