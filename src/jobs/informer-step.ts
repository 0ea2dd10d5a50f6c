/**
 * The first step of an Informer job: its `type` and `data` ↔ an action as it is stored. Pure. Whatever its clients say is
 * kept; what an action lacks, or that there is none of the type, shows when it runs.
 */
import { isDeepStrictEqual } from 'node:util'

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

export const knowsInformerType = (type: string): boolean => KINDS.has(type)

/** `aliases`: of the datasets that the job has by names of its own, for a mail that attaches all of them. */
export function actionOfInformer(
  { type, data }: InformerStep,
  aliases: readonly string[],
): { kind: string; config: Config } {
  const kind = KINDS.get(type)
  if (!kind) return { kind: UNKNOWN + type, config: data }
  return { kind, config: present(CONFIGS[kind]?.(data, aliases) ?? {}) }
}

const CONFIGS: Record<string, (data: Config, aliases: readonly string[]) => Config> = {
  email: ({ to, recipients, subject, body, html, text, replyTo, attachDatasets }, aliases) => ({
    recipients: listOf(recipients ?? to),
    subject,
    ...(html == null && text == null && isHtml(body) ? { html: body } : { html, text: text ?? body }),
    replyTo,
    attachDatasets: attachDatasets === true ? aliases : listOf(attachDatasets || undefined),
  }),
  webhook: ({ url, method, headers, body }) => ({ url, method: upper(method), headers, body }),
  materialize: ({ datasetId, url }) => ({
    source: present({ url }),
    target: present({ dataset: datasetId }),
    mode: 'REPLACE',
  }),
  snapshotCleanup: ({ datasetId, keep }) => ({ datasets: listOf(datasetId), keep }),
}

/** Of an action that is stored what its clients say for it; null: they have no words for it. */
export function informerStepOf({ kind, config }: { kind: string; config: unknown }): InformerStep | null {
  const stored = config as Config
  if (kind.startsWith(UNKNOWN)) return { type: kind.slice(UNKNOWN.length), data: stored }
  const step = STEPS[kind]?.(stored)
  if (!step) return null
  const known = { ...step, data: present(step.data) }
  return isDeepStrictEqual(told(actionOfInformer(known, []).config), told(stored)) ? known : null
}

const STEPS: Record<string, (config: Config) => InformerStep> = {
  email: (config) => ({ type: 'email', data: told(config) }),
  webhook: ({ url, method, headers, body }) => ({ type: 'api-call', data: { url, method, headers, body } }),
  materialize: ({ source, target }) => ({
    type: 'dataset-refresh',
    data: { datasetId: (target as Config | undefined)?.dataset, url: (source as Config | undefined)?.url },
  }),
  snapshotCleanup: ({ datasets, keep }) => ({
    type: 'snapshot-cleanup',
    data: { datasetId: (datasets as unknown[] | undefined)?.[0], keep },
  }),
}

/** Fields that the kinds fill in by themselves. */
const FILLED: Config = {
  includeArtifactLink: false,
  includeArtifactContent: false,
  attachDatasets: [],
  includeArtifact: true,
  headers: {},
}

const told = (config: Config): Config =>
  Object.fromEntries(
    Object.entries(config).filter(
      ([key, value]) => value != null && !(key in FILLED && isDeepStrictEqual(value, FILLED[key])),
    ),
  )

const present = (config: Config): Config =>
  Object.fromEntries(Object.entries(config).filter(([, value]) => value != null))

const isHtml = (body: unknown): boolean => typeof body === 'string' && /<[a-z!/]/i.test(body)

const upper = (value: unknown): unknown => (typeof value === 'string' ? value.toUpperCase() : value)

/** `a@x.org, b@x.org` and `['a@x.org', 'b@x.org']` alike. */
function listOf(value: unknown): unknown {
  if (typeof value !== 'string') return value
  return value
    .split(/[,;]/)
    .map((each) => each.trim())
    .filter(Boolean)
}
