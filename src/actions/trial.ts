/** Trying an action out: once, at once, without a job and without a trace in any history. Its effect is real. */

import type { ArtifactService } from '../artifacts/service.ts'
import type { Delivery as DeliveryRow } from '../db/generated/prisma/client.ts'
import { payload as payloadSpec } from '../events/spec.ts'
import { mayEditArtifact, mayManage, requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { LEVEL } from '../jobs/rights.ts'
import type { JobService } from '../jobs/service.ts'
import { ForbiddenError, LimitError, NotFoundError, ValidationError } from '../kernel/errors.ts'
import { formatId, newId } from '../kernel/ids.ts'
import { validate } from '../kernel/validate.ts'
import { UNREPORTED } from '../runs/reporting.ts'
import { documentsFor, type ReadDocuments } from './documents.ts'
import type { Failure, JsonValue, StepContext } from './driver.ts'
import { recordOf } from './record.ts'
import type { ActionRegistry } from './registry.ts'
import { type ReportUrlFor, reportUrlFor } from './report-url.ts'
import { newSigningSecret } from './signature.ts'
import { type ActionInput, parseStep } from './steps.ts'

/** Seconds that one may take. */
const TRIAL_SECONDS = 30
/** On one node at a time. */
const TRIALS_AT_ONCE = 20

export type TrialInput = {
  action: ActionInput
  /** It is tried as an action of this job: with its artifact and its signing secret. UUID. */
  jobId?: string | null | undefined
  /** Or as one of a job on this artifact. UUID. */
  artifactId?: string | null | undefined
  /** What the run would have as its input. */
  payload?: unknown
  /** What earlier steps would have left, by their names. */
  steps?: unknown
}

export type Trial = {
  output: JsonValue
  failure: Pick<Failure, 'code' | 'message'> | null
  warnings: string[]
  deliveries: DeliveryRow[]
  durationMs: number
}

export type TrialService = ReturnType<typeof createTrialService>

export function createTrialService(deps: {
  registry: ActionRegistry
  artifacts: ArtifactService
  jobs: JobService
  documents: ReadDocuments
  /** Of addresses that nobody's run is behind. */
  reportUrl: ReportUrlFor
}) {
  const { registry, artifacts, jobs } = deps
  let running = 0

  /** The job or the artifact, or neither, as one that the viewer may change. */
  async function placeOf(viewer: Viewer, { jobId, artifactId }: TrialInput) {
    if (jobId && artifactId) throw ValidationError.at('artifactId', 'cannot be combined with jobId')
    const job = jobId ? await jobs.find(viewer, jobId) : null
    if (jobId && !job) throw new NotFoundError('there is no such job')
    const [access] = job ? await jobs.accessTo(viewer, [job]) : []
    if (job && (!access || access.level < LEVEL.EDIT)) {
      throw new ForbiddenError('only who may change a job may act as it')
    }
    const id = artifactId ?? job?.artifactId
    const artifact = id ? await artifacts.find(viewer, { id }) : null
    if (id && !artifact) throw new NotFoundError('there is no such artifact')
    if (artifactId && artifact && !mayEditArtifact(viewer, artifact)) {
      throw new ForbiddenError('only the owner and the editors of an artifact may act on it')
    }
    return { job, artifact }
  }

  return {
    /** @throws ValidationError for what a job with this action would be refused for */
    async try(viewer: Viewer, input: TrialInput): Promise<Trial> {
      // As much as making a job and running it, and signing with the secret of one.
      requireScope(viewer, 'jobs:run')
      const { principalId } = requireScope(viewer, 'jobs:write')
      const payload = validate(payloadSpec, input.payload ?? null)
      const { job, artifact } = await placeOf(viewer, input)
      const subject = {
        ownerId: job && mayManage(viewer, job) ? job.ownerId : principalId,
        artifactId: artifact?.id ?? null,
      }
      const steps = stepsOf(input.steps)
      const action = await parseStep(registry, viewer, input.action, subject, Object.keys(steps))
      const driver = registry.get(action.kind)
      if (!driver) throw ValidationError.at('action', `there is no action "${action.kind}"`)
      if (running >= TRIALS_AT_ONCE) {
        throw new LimitError(`${TRIALS_AT_ONCE} actions are being tried at this moment; try again`)
      }
      running++
      const started = performance.now()
      try {
        const runId = newId()
        const context: StepContext = {
          ...{ subject, effect: null, depth: 0, runId, position: 0, attempt: 1 },
          signal: AbortSignal.timeout(TRIAL_SECONDS * 1000),
          report: UNREPORTED,
          run: {
            id: formatId('Run', runId),
            job: { id: formatId('Job', job?.id ?? runId), name: job?.name ?? null },
            ...{ trigger: 'MANUAL', scheduledFor: null, startedAt: new Date().toISOString(), attempt: 1 },
            ...reportUrlFor(deps.reportUrl, action.config, { runId, attempt: 1, position: 0 }),
          },
          artifact: artifact && {
            id: formatId('Artifact', artifact.id),
            slug: artifact.slug,
            name: artifact.name,
            url: artifacts.artifactUrl(artifact.slug),
            ...(await documentsFor(deps.documents, action.config, artifact.id)),
          },
          event: null,
          input: payload as JsonValue,
          steps,
          signingSecrets: job ? await jobs.secretsOf(job.id) : [newSigningSecret()],
        }
        const result = await driver.execute(action.config, context)
        const deliveries = result.deliveries.map((delivery) => ({
          ...recordOf(delivery),
          ...{ runId, attempt: 1, position: 0 },
          responseBody: delivery.status === null ? null : new Uint8Array(delivery.responseBody),
        }))
        const durationMs = Math.round(performance.now() - started)
        return result.ok
          ? { output: result.output, failure: null, warnings: result.warnings ?? [], deliveries, durationMs }
          : { output: null, failure: result.failure, warnings: [], deliveries, durationMs }
      } finally {
        running--
      }
    },
  }
}

function stepsOf(given: unknown): Record<string, JsonValue> {
  if (given == null) return {}
  const isObject = typeof given === 'object' && !Array.isArray(given)
  if (!isObject) throw ValidationError.at('steps', 'must be an object: the name of a step → what it left')
  return given as Record<string, JsonValue>
}
