/**
 * The first step of an Informer job: its `type` and `data` ↔ an action as it is stored. Pure. Whatever its clients say is
 * kept; what an action lacks, or that there is none of the type, shows when it runs.
 */
import { isDeepStrictEqual } from 'node:util'
import { ALL_DATASETS } from '../actions/spec.ts'
import { literal, literalOf } from '../actions/template.ts'

type Config = Record<string, unknown>

export type InformerStep = { type: string; data: Config }

/** Before the type that no kind of action does. */
const UNKNOWN = 'informer:'

const KINDS = new Map(
  Object.entries({
    email: 'email',
    'api-call': 'webhook',
    webhook: 'webhook',
    http: 'webhook',
    'dataset-refresh': 'materialize',
    'snapshot-cleanup': 'snapshotCleanup',
  }),
)

/** The subject of a mail that was given none. */
const JOB_NAME = '{{ job.name }}'

export const knowsInformerType = (type: string): boolean => KINDS.has(type)

/** The type that a kind stands for which no action does; null: it is another kind. */
export const unknownTypeOf = (kind: string): string | null =>
  kind.startsWith(UNKNOWN) ? kind.slice(UNKNOWN.length) : null

/** `{{` in its texts is no template. Beside the configuration stands what clients call the fields that may be wrong. */
export function actionOfInformer({ type, data }: InformerStep): { kind: string; config: Config } {
  const said = informerConfig(type, withTexts(data, literal))
  return said
    ? { kind: said.kind, config: { ...said.config, given: { words: said.words } } }
    : { kind: UNKNOWN + type, config: data }
}

/** The same for texts that are taken as they are, templates and all. Null: no kind of action does the type. */
export function informerConfig(
  type: string,
  data: Config,
): { kind: string; config: Config; words: Record<string, string> } | null {
  const kind = KINDS.get(type)
  const made = kind && CONFIGS[kind]?.(data)
  return kind && made ? { kind, config: present(made.config), words: made.words } : null
}

type Made = { config: Config /** Path of the configuration → what clients call it. */; words: Record<string, string> }

const CONFIGS: Record<string, (data: Config) => Made> = {
  email({ to, recipients, subject, body, html, text, replyTo, attachDatasets }) {
    const isHtml = !isGiven(html) && !isGiven(text) && typeof body === 'string' && /<[a-z!/]/i.test(body)
    const content = isHtml ? { html: body } : { html: filled(html), text: filled(text) ?? filled(body) }
    return {
      config: {
        recipients: listOf(recipients ?? to),
        subject: filled(subject) ?? JOB_NAME,
        ...content,
        replyTo: filled(replyTo),
        attachDatasets: attachDatasets === true ? [ALL_DATASETS] : listOf(attachDatasets || null),
      },
      words: {
        recipients: isGiven(recipients) ? 'recipients' : 'to',
        html: isHtml ? 'body' : 'html',
        text: isGiven(text) ? 'text' : 'body',
      },
    }
  },
  webhook: ({ url, method, headers, body }) => ({
    config: {
      url,
      method: typeof method === 'string' ? method.toUpperCase() : method,
      headers: isObject(headers) ? textsOf(headers) : headers,
      body,
    },
    words: {},
  }),
  materialize: ({ datasetId, url }) => ({
    config: {
      source: isGiven(url) ? { url } : null,
      target: isGiven(datasetId) ? { dataset: datasetId } : null,
      mode: 'REPLACE',
    },
    words: { source: 'url', 'source.url': 'url', target: 'datasetId', 'target.dataset': 'datasetId' },
  }),
  snapshotCleanup: ({ datasetId, keep }) => ({
    config: { datasets: listOf(datasetId), keep: isNumeric(keep) ? Number(keep) : keep },
    words: { datasets: 'datasetId', ...(typeof datasetId === 'string' && { 'datasets.0': 'datasetId' }) },
  }),
}

/** Of an action that is stored what its clients say for it; null: they have no words for it. */
export function informerStepOf({ kind, config }: { kind: string; config: unknown }): InformerStep | null {
  const { given: _, ...stored } = config as Config
  const type = unknownTypeOf(kind)
  if (type !== null) return { type, data: config as Config }
  const said = STEPS[kind]?.(told(stored))
  if (!said) return null
  const step = { type: said.type, data: withTexts(present(said.data), (text) => literalOf(text) ?? text) }
  const again = actionOfInformer(step)
  return again.kind === kind && isDeepStrictEqual(told({ ...again.config, given: null }), told(stored)) ? step : null
}

const STEPS: Record<string, (config: Config) => InformerStep> = {
  email: ({ subject, attachDatasets, ...config }) => ({
    type: 'email',
    data: {
      ...config,
      subject: subject === JOB_NAME ? null : subject,
      attachDatasets: isDeepStrictEqual(attachDatasets, [ALL_DATASETS]) ? true : attachDatasets,
    },
  }),
  webhook: ({ url, method, headers, body }) => ({ type: 'api-call', data: { url, method, headers, body } }),
  materialize: ({ source, target }) => ({
    type: 'dataset-refresh',
    data: { datasetId: isObject(target) ? target.dataset : null, url: isObject(source) ? source.url : null },
  }),
  snapshotCleanup: ({ datasets, keep }) => ({
    type: 'snapshot-cleanup',
    data: { datasetId: Array.isArray(datasets) && datasets.length === 1 ? datasets[0] : datasets, keep },
  }),
}

/** Fields that the kinds fill in by themselves. */
const FILLED = new Map<string, unknown>(
  Object.entries({
    includeArtifactLink: false,
    includeArtifactContent: false,
    attachDatasets: [],
    includeArtifact: true,
    headers: {},
  }),
)

/** What a configuration says beyond that; fields that are null say nothing. */
const told = (config: Config): Config =>
  Object.fromEntries(
    Object.entries(present(config))
      .filter(([key, value]) => !(FILLED.has(key) && isDeepStrictEqual(value, FILLED.get(key))))
      .map(([key, value]) => [key, isObject(value) && key !== 'body' ? present(value) : value]),
  )

const present = (config: Config): Config =>
  Object.fromEntries(Object.entries(config).filter(([, value]) => isGiven(value)))

const isGiven = (value: unknown): boolean => value !== null && value !== undefined

const isObject = (value: unknown): value is Config =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isNumeric = (value: unknown): boolean => typeof value === 'string' && /^\d{1,9}$/.test(value)

/** An empty text says nothing. */
const filled = (value: unknown): unknown => (value === '' ? null : value)

/** In which the kinds look for templates. */
const TEXTS = new Set(['subject', 'html', 'text', 'url', 'headers', 'body'])

const withTexts = (data: Config, change: (text: string) => string): Config =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, TEXTS.has(key) ? mapped(value, change) : value]))

function mapped(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((each) => mapped(each, change))
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, mapped(each, change)]))
}

/** Numbers and booleans among the values of headers are texts there. */
const textsOf = (headers: Config): Config =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      typeof value === 'number' || typeof value === 'boolean' ? String(value) : value,
    ]),
  )

/** `a@x.org, b@x.org` and `['a@x.org', 'b@x.org']` alike. */
function listOf(value: unknown): unknown {
  if (typeof value !== 'string') return value
  return value
    .split(/[,;]/)
    .map((each) => each.trim())
    .filter(Boolean)
}
