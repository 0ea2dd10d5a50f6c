import { z } from 'zod'
import { systemClock } from '../../kernel/clock.ts'
import type { Issue } from '../../kernel/errors.ts'
import { formatId } from '../../kernel/ids.ts'
import { text } from '../../kernel/storable.ts'
import { measured, telling } from '../counting.ts'
import { datasetRef, noSuchDataset, REF_HELP, requireDataset } from '../dataset-refs.ts'
import type { ActionKind, Driver, DriverDeps, Failure, StepContext, StepResult } from '../driver.ts'
import { callHttp, failureOf } from '../http-call.ts'
import { type DatasetPort, type DatasetRef, EffectError, type Row, type Subject } from '../ports.ts'
import { redactHeaders, redactUrl } from '../redaction.ts'
import { failureOfRows, rowsOfAnswer, sourceField, sourceIssues } from '../row-source.ts'
import { messageId, signedHeaders } from '../signature.ts'
import { ENCODINGS } from '../unpack.ts'

const MAX_NAME_CHARS = 200

const targetField = z
  .object({
    dataset: datasetRef.nullish().describe(`One that is there: ${REF_HELP}`),
    name: text(MAX_NAME_CHARS)
      .regex(/^\S(\P{Cc}*\S)?$/u, 'must have no space at its ends, and no control characters')
      .nullish()
      .describe('One of this name on the artifact of the job, or of no artifact if the job has none; made if missing.'),
  })
  .describe('Where the rows go: exactly one of dataset and name.')

const config = z.object({
  source: sourceField,
  target: targetField,
  mode: z
    .enum(['REPLACE', 'APPEND'])
    .default('REPLACE')
    .describe('Whether the rows take the place of those that are there, or come behind them.'),
})

export type MaterializeConfig = z.output<typeof config>

export const materialize = {
  kind: 'materialize',
  description: 'Puts rows into a dataset, all or none: those that an address answers, or those of another dataset.',
  config,
  redact: ({ source: { url, headers, ...source }, ...config }) => ({
    ...config,
    source: { ...source, ...(url && { url: redactUrl(url) }), ...(headers && { headers: redactHeaders(headers) }) },
  }),
  scopes: ({ source }) => (source?.dataset ? ['data:read', 'data:write'] : ['data:write']),
  create: createMaterializeDriver,
} satisfies ActionKind<MaterializeConfig>

type Deps = Pick<DriverDeps, 'egress' | 'version' | 'clock' | 'datasets' | 'maxFetchBytes'>

/** What was done, or why not. */
type Outcome = { rows: number; dataset: string } | Failure

const ACCEPT = 'text/csv, application/json, application/x-ndjson, */*;q=0.1'

export function createMaterializeDriver(deps: Deps): Driver<MaterializeConfig> {
  const { egress, version, datasets, maxFetchBytes, clock = systemClock } = deps

  async function load(
    rows: AsyncIterable<Row[]>,
    target: DatasetRef,
    mode: 'REPLACE' | 'APPEND',
    context: StepContext,
    share: () => number | null = () => null,
  ) {
    const told = telling(rows, context.report, share)
    const loaded = await datasets.load(target, told, { mode, effect: context.effect, signal: context.signal })
    return { rows: loaded.rows, dataset: formatId('Dataset', target.id) }
  }

  async function fetched({ source, target, mode }: MaterializeConfig, url: string, context: StepContext) {
    let outcome = { code: 'RESPONSE', message: 'nothing was received', transient: true } as Outcome
    const headers = {
      accept: ACCEPT,
      'accept-encoding': ENCODINGS,
      'user-agent': `Runsheet/${version}`,
      ...lowerCased(source.headers ?? {}),
      ...signedHeaders(context.signingSecrets, messageId(context.runId, context.position), new Date(clock.now()), ''),
    }
    const call = { url, method: 'GET', headers, body: null, signal: context.signal }
    const delivery = await callHttp(egress, call, async (answer) => {
      outcome = await orFailure(async () => {
        const { body, share } = measured(answer)
        const rows = rowsOfAnswer({ ...answer, body }, { ...source, url }, maxFetchBytes)
        return load(rows, await targetOf(datasets, context.subject, target), mode, context, share)
      })
    })
    return resultOf(failureOf(delivery, new Date(clock.now())) ?? outcome, [delivery])
  }

  async function copied({ target, mode }: MaterializeConfig, from: string, context: StepContext) {
    const outcome = await orFailure(async () => {
      const source = await requireDataset(datasets, context.subject, from, 'read')
      const into = await targetOf(datasets, context.subject, target)
      if (mode === 'REPLACE' && source.id === into.id) throw new EffectError('SAME_DATASET', `the target ${SAME}`)
      return load(datasets.read(source), into, mode, context)
    }, context.signal)
    return resultOf(outcome, [])
  }

  return {
    config,

    async check({ source, target, mode }, subject) {
      const issues = [...sourceIssues(egress, source), ...targetIssues(target)]
      if (issues.length > 0) return issues
      const from = source.dataset ? await datasets.find(subject, source.dataset, 'read') : null
      const into = await knownTarget(datasets, subject, target)
      if (source.dataset && !from) issues.push({ path: 'source.dataset', message: noSuchDataset(source.dataset) })
      if (target.dataset && !into) issues.push({ path: 'target.dataset', message: noSuchDataset(target.dataset) })
      if (mode === 'REPLACE' && from && from.id === into?.id) issues.push({ path: 'target', message: SAME })
      return issues
    },

    places: () => ({ source: { url: 'url', headers: 'header' } }),

    async execute(config, context) {
      const { url, dataset } = config.source
      return url ? fetched(config, url, context) : copied(config, dataset ?? '', context)
    },
  }
}

const SAME = 'is the source itself: that would change nothing'

function targetIssues({ dataset, name }: MaterializeConfig['target']): Issue[] {
  return Boolean(dataset) === Boolean(name)
    ? [{ path: 'target', message: 'must have exactly one of dataset and name' }]
    : []
}

type Target = MaterializeConfig['target']

const knownTarget = (datasets: DatasetPort, subject: Subject, { dataset, name }: Target) =>
  dataset ? datasets.find(subject, dataset, 'write') : datasets.named(subject, name ?? '')

const targetOf = (datasets: DatasetPort, subject: Subject, { dataset, name }: Target) =>
  dataset ? requireDataset(datasets, subject, dataset, 'write') : datasets.ensure(subject, name ?? '')

/** `signal`: its end is a failure too. */
async function orFailure(work: () => Promise<Outcome>, signal?: AbortSignal): Promise<Outcome> {
  try {
    return await work()
  } catch (error) {
    if (signal?.aborted) return stopped(signal)
    return failureOfRows(error)
  }
}

const stopped = ({ reason }: AbortSignal): Failure =>
  reason instanceof Error && reason.name === 'TimeoutError'
    ? { code: 'TIMEOUT', message: 'not all rows were copied in time', transient: true }
    : { code: 'ABORTED', message: 'the copy was aborted', transient: false }

const resultOf = (outcome: Outcome, deliveries: (StepResult & { ok: true })['deliveries']): StepResult =>
  'code' in outcome ? { ok: false, failure: outcome, deliveries } : { ok: true, output: outcome, deliveries }

const lowerCased = (headers: Record<string, string>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
