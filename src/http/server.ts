/** One port for everything: GraphQL, REST, sites and health. Each request gets an id and one line in the log. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { GRAPHQL_PATH } from '../graphql/yoga.ts'
import { withoutPass } from '../hosting/asked.ts'
import type { Log } from '../kernel/log.ts'
import type { Rate } from '../kernel/rate.ts'
import { currentRequest } from '../kernel/request.ts'
import type { Rest } from '../rest/router.ts'
import { REPORTS_PATH } from '../runs/report-passes.ts'
import type { Callers } from './callers.ts'
import { answerCors } from './cors.ts'
import { statusOf } from './counted.ts'
import { createGraphqlHandler, type GraphqlHandlerOptions } from './graphql.ts'
import { answerProbe, type Health } from './health.ts'
import { answerMetrics, METRICS_PATH, type Metrics } from './metrics.ts'
import type { ReportHandler } from './reports.ts'
import { requestId } from './request-id.ts'
import { createRestHandler } from './rest.ts'
import { JSON_TYPE } from './send-whole.ts'
import { UPLOADS_PATH, type UploadHandler } from './uploads.ts'

export type RequestHandlerOptions = {
  graphql: Pick<GraphqlHandlerOptions, 'yoga' | 'identity' | 'streams' | 'maxBody'>
  rest: Rest
  hosting: {
    siteOf(host: string): string | null
    /** Answers from memory, if it can; false: it cannot, and nothing was done. */
    answerReady(request: IncomingMessage, response: ServerResponse, requestId: string): boolean
    answer(request: IncomingMessage, response: ServerResponse): Promise<void>
  }
  uploads: UploadHandler
  reports: ReportHandler
  health: Health
  metrics: Pick<Metrics, 'render'>
  log: Log
  corsOrigins: readonly string[]
  maxBodyBytes: number
  /** How often one caller may ask GraphQL and the REST dialects together; null: as often as it likes. */
  rate: Rate | null
  callerOf: Callers
}

export function createRequestHandler(options: RequestHandlerOptions): RequestListener {
  const { rest, hosting, uploads, reports, health, metrics, log, corsOrigins, maxBodyBytes, rate, callerOf } = options
  const answerRest = createRestHandler({ corsOrigins, maxBodyBytes, rate, callerOf })
  const answerGraphql = createGraphqlHandler({ ...options.graphql, corsOrigins, rate, callerOf })

  async function route(request: IncomingMessage, response: ServerResponse, pathname: string): Promise<unknown> {
    if (!isHost(request.headers.host)) return json(response, 400, { error: 'The Host header names no host' })
    if (hosting.siteOf(request.headers.host ?? '') !== null) return hosting.answer(request, response)
    if (pathname === GRAPHQL_PATH) return answerGraphql(request, response)
    if (pathname === '/a' || pathname.startsWith('/a/')) return hosting.answer(request, response)
    if (pathname.startsWith(REPORTS_PATH)) return reports(request, response, pathname)
    if (pathname.startsWith(UPLOADS_PATH)) return uploads(request, response, pathname)
    const match = rest.match(pathname)
    if (match) return answerRest(match.dialect, request, response)
    const document = rest.documentAt(pathname)
    if (document) return answerCors(request, response, corsOrigins) || json(response, 200, document)
    const probe = await answerProbe(health, pathname)
    if (probe) return json(response, ...probe)
    if (pathname === METRICS_PATH) return answerMetrics(response, metrics)
    if (pathname === '/') return response.writeHead(302, { location: GRAPHQL_PATH }).end()
    return json(response, 404, { error: `There is nothing at ${pathname.slice(0, 200)}` })
  }

  const mayBeSite = ({ headers }: IncomingMessage, pathname: string) =>
    pathname.startsWith('/a/') || hosting.siteOf(headers.host ?? '') !== null

  return (request, response) => {
    const id = requestId(request)
    const started = performance.now()
    const pathname = pathOf(request.url ?? '')
    response.on('close', () => {
      const ms = Math.round(performance.now() - started)
      const { statusCode: status } = response
      const countsAs = Number(statusOf(response))
      log.info(
        {
          ...{ requestId: id, method: request.method, path: shown(pathname), status, ms },
          ...(countsAs !== status && { countsAs }),
        },
        'request',
      )
    })
    function fail(error: unknown) {
      // The client went away before it had sent all.
      if (request.destroyed && !request.complete) return
      log.error({ err: error, requestId: id, path: shown(pathname) }, 'a request failed')
      if (response.headersSent) response.destroy()
      else json(response, 500, { error: 'Internal error', requestId: id })
    }
    try {
      if (mayBeSite(request, pathname) && hosting.answerReady(request, response, id)) return
      response.setHeader('x-request-id', id)
      currentRequest.run({ id }, () => route(request, response, pathname).catch(fail))
    } catch (error) {
      fail(error)
    }
  }
}

let lastHost: string | undefined

/** Who makes a URL of another one later would fail with a fault. Most requests name the same as the one before. */
function isHost(name: string | undefined): boolean {
  if (!name || name === lastHost) return true
  if (!URL.canParse(`http://${name}`)) return false
  lastHost = name
  return true
}

/** As it may stand in the log. */
const shown = (pathname: string): string =>
  pathname.startsWith(REPORTS_PATH) ? `${REPORTS_PATH}…` : withoutPass(pathname)

/** As it was sent, up to the question; a target that is no path is the root. */
function pathOf(target: string): string {
  if (!target.startsWith('/')) return '/'
  const mark = target.indexOf('?')
  return mark < 0 ? target : target.slice(0, mark)
}

function json(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value)
  response.writeHead(status, { ...JSON_TYPE, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}
