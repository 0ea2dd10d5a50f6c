/**
 * What operators watch, as Prometheus reads it: runs and leases of this node's engine, the queue of all nodes, requests,
 * GraphQL operations, and the process. The values of every label are few and known, whatever callers send.
 */
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { RunStatus, SkipReason } from '../db/generated/prisma/enums.ts'
import type { Meter } from '../engine/meter.ts'
import type { QueueDepth } from '../engine/queries.ts'
import type { DeprecationMeter } from '../graphql/deprecation.ts'
import type { OperationTimer } from '../graphql/timing.ts'
import { systemClock } from '../kernel/clock.ts'
import { isFinal } from '../runs/states.ts'

export const METRICS_PATH = '/metrics'

export type Metrics = ReturnType<typeof createMetrics>

/** Seconds: from what is quick to a slot that was caught up a day late. */
const DELAYS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 86_400]
const DURATIONS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** The queue is counted no more often than this. */
const DEPTH_FRESH_MS = 1_000
/** A database that does not answer leaves the queue out, and nothing else. */
const PATIENCE_MS = 2_000

export function createMetrics({
  queueDepth,
  subscribers,
  busIsAway,
  patienceMs = PATIENCE_MS,
}: {
  queueDepth: () => Promise<QueueDepth>
  /** Streams of run events that are served now. */
  subscribers: () => number
  /** Whether other nodes cannot be heard. */
  busIsAway: () => boolean
  patienceMs?: number
}) {
  const registry = new Registry()
  const registers = [registry]
  const ofProcess = measureProcess()

  const runs = new Counter({
    name: 'runsheet_runs_total',
    help: 'Runs that the engine of this node brought to an end, by final status.',
    labelNames: ['status'],
    registers,
  })
  const slotDelay = new Histogram({
    name: 'runsheet_slot_delay_seconds',
    help: 'From the instant at which a run could start (its slot, or the end of a delay) to the start of its attempt on this node.',
    buckets: DELAYS,
    registers,
  })
  const skipped = new Counter({
    name: 'runsheet_skipped_total',
    help: 'Slots and events that the engine of this node did not make work of, by reason.',
    labelNames: ['reason'],
    registers,
  })
  const leasesLost = new Counter({
    name: 'runsheet_lease_lost_total',
    help: 'Attempts that this node took over from one that died or lost its leases.',
    registers,
  })
  new Gauge({
    name: 'runsheet_subscribers',
    help: 'Streams of run events that this node serves.',
    registers,
    collect() {
      this.set(subscribers())
    },
  })
  new Gauge({
    name: 'runsheet_bus_away',
    help: '1 while this node cannot hear the others, and finds what they did by looking; else 0.',
    registers,
    collect() {
      this.set(busIsAway() ? 1 : 0)
    },
  })
  const depth = new Gauge({
    name: 'runsheet_queue_depth',
    help: 'Runs of all nodes that are not final: waiting for their time or for another run, ready to be claimed, or leased. Counted up to 100,000.',
    labelNames: ['state'],
    registers,
  })
  const requests = new Histogram({
    name: 'runsheet_http_request_duration_seconds',
    help: 'Requests that this node answered, without streams, which last as long as their readers want.',
    labelNames: ['method', 'route', 'status'],
    buckets: DURATIONS,
    registers,
  })
  const operations = new Histogram({
    name: 'runsheet_graphql_duration_seconds',
    help: 'GraphQL operations over every transport; of a subscription until its stream begins.',
    labelNames: ['type'],
    buckets: DURATIONS,
    registers,
  })

  const deprecations = new Counter({
    name: 'runsheet_graphql_deprecated_total',
    help: 'GraphQL operations that used what is deprecated, by field, argument, input or value.',
    labelNames: ['field'],
    registers,
  })

  let counted: Promise<QueueDepth | null> | undefined

  /** One question at a time, however many scrape. */
  function currentDepth(): Promise<QueueDepth | null> {
    counted ??= queueDepth()
      .catch(() => null)
      .finally(() => {
        systemClock.after(DEPTH_FRESH_MS, () => {
          counted = undefined
        })
      })
    return Promise.race([counted, sleep(patienceMs, null, { ref: false })])
  }

  const meter: Meter = {
    began: (delay) => slotDelay.observe(Math.max(0, delay)),
    ended: (status) => runs.inc({ status }),
    skipped: (reason, count) => skipped.inc({ reason }, count),
    lost: (attempts) => leasesLost.inc(attempts),
  }
  // A counter that begins to exist with its first count hides that count from rates.
  for (const status of Object.values(RunStatus)) if (isFinal(status)) runs.inc({ status }, 0)
  for (const reason of Object.values(SkipReason)) skipped.inc({ reason }, 0)
  const timer: OperationTimer = (type, seconds) => operations.observe({ type }, seconds)
  const deprecated: DeprecationMeter = (field) => deprecations.inc({ field })

  return {
    /** For the engine. */
    meter,
    /** For GraphQL. */
    timer,
    deprecated,
    /** A request that was answered. */
    answered(labels: { method: string; route: string; status: string }, seconds: number) {
      requests.observe(labels, seconds)
    },
    async render(): Promise<{ contentType: string; body: string }> {
      const current = await currentDepth()
      depth.reset()
      if (current) for (const [state, count] of Object.entries(current)) depth.set({ state }, count)
      const body = [await registry.metrics(), await ofProcess.metrics()].join('\n')
      return { contentType: registry.contentType, body }
    },
  }
}

let processRegistry: Registry | undefined

/** A process is measured once, however many apps it has. */
function measureProcess(): Registry {
  if (processRegistry) return processRegistry
  processRegistry = new Registry()
  collectDefaultMetrics({ register: processRegistry })
  return processRegistry
}

export async function answerMetrics(response: ServerResponse, metrics: Pick<Metrics, 'render'>): Promise<void> {
  const { contentType, body } = await metrics.render()
  response.writeHead(200, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }).end(body)
}
