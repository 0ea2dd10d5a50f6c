/** What the engine calls: one step of a run, done by the driver of its kind. */

import type { Perform } from '../engine/ports.ts'
import { unknownTypeOf } from '../jobs/informer-step.ts'
import { formatId } from '../kernel/ids.ts'
import type { Seal } from '../kernel/seal.ts'
import type { StepReport } from '../runs/reporting.ts'
import type { StartedRun } from '../runs/transition/start.ts'
import { documentsFor, type ReadDocuments } from './documents.ts'
import type { JsonValue, StepContext } from './driver.ts'
import { recordOf } from './record.ts'
import type { ActionRegistry } from './registry.ts'
import { type ReportUrlFor, reportUrlFor } from './report-url.ts'

export function createPerform(deps: {
  registry: ActionRegistry
  seal: Seal
  artifactUrl: (slug: string) => string
  documents: ReadDocuments
  reportUrl: ReportUrlFor
}): Perform {
  const { registry, seal, artifactUrl } = deps

  async function contextOf(
    run: StartedRun,
    position: number,
    signal: AbortSignal,
    report: StepReport,
  ): Promise<StepContext> {
    const { runId, attempt, trigger, scheduledFor, plan, event, input, sealedSecrets } = run
    const { job, artifact } = plan
    return {
      subject: { ownerId: job.ownerId, artifactId: artifact?.id ?? null, datasets: plan.datasets },
      effect: { runId, position },
      depth: event ? event.depth + 1 : 0,
      runId,
      position,
      attempt,
      signal,
      report,
      run: {
        id: formatId('Run', runId),
        job: { id: formatId('Job', job.id), name: job.name },
        trigger,
        scheduledFor: scheduledFor?.toISOString() ?? null,
        startedAt: new Date().toISOString(),
        attempt,
        ...reportUrlFor(deps.reportUrl, plan.actions[position]?.config, { runId, attempt, position }),
      },
      artifact: artifact && {
        id: formatId('Artifact', artifact.id),
        slug: artifact.slug,
        name: artifact.name,
        url: artifactUrl(artifact.slug),
        ...(await documentsFor(deps.documents, plan.actions[position]?.config, artifact.id)),
      },
      event: event && { id: formatId('DomainEvent', event.id), type: event.type, payload: event.payload as JsonValue },
      input: (input ?? null) as JsonValue,
      steps: Object.fromEntries(
        plan.actions.slice(0, position).map(({ name }, index) => [name, (run.done[index] ?? null) as JsonValue]),
      ),
      signingSecrets: sealedSecrets.map((secret) => seal.open(Buffer.from(secret, 'base64'))),
    }
  }

  return async (run, position, signal, report) => {
    const action = run.plan.actions[position]
    const driver = action && registry.get(action.kind)
    if (!driver) {
      const type = unknownTypeOf(action?.kind ?? '')
      const message =
        type === null ? `there is no action of kind "${action?.kind}"` : `there is no driver for type ${type}`
      return { ok: false, failure: { code: 'UNKNOWN_ACTION', message, transient: false }, deliveries: [] }
    }
    const result = await driver.execute(action.config, await contextOf(run, position, signal, report))
    return { ...result, deliveries: result.deliveries.map(recordOf) }
  }
}
