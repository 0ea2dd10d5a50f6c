/** What a node answers that only works: probes, and to everything else that it serves nothing. */
import type { RequestListener } from 'node:http'
import { answerProbe, type Health } from './health.ts'
import { answerMetrics, METRICS_PATH, type Metrics } from './metrics.ts'
import { JSON_TYPE } from './send-whole.ts'

const NOTHING: [number, object] = [
  404,
  { error: 'This node is a worker (ROLE=worker): it answers probes and serves nothing' },
]

export const createWorkerHandler =
  (health: Health, metrics: Pick<Metrics, 'render'>): RequestListener =>
  async (request, response) => {
    const [pathname = ''] = (request.url ?? '').split('?')
    if (pathname === METRICS_PATH) return answerMetrics(response, metrics)
    const [status, body] = (await answerProbe(health, pathname)) ?? NOTHING
    response.writeHead(status, JSON_TYPE).end(JSON.stringify(body))
  }
