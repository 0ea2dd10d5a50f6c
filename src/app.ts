/** The composition root: the only file that sees everything. It opens what runs, in order, and closes it in reverse. */
import path from 'node:path'
import { createPerform } from './actions/perform.ts'
import { createActionRegistry } from './actions/registry.ts'
import { createTrialService } from './actions/trial.ts'
import { createModel } from './agent/model.ts'
import { createAgentService } from './agent/service.ts'
import { createArtifactPort } from './artifacts/action-port.ts'
import { createPublicationSource } from './artifacts/publication-source.ts'
import { createArtifactService } from './artifacts/service.ts'
import { createCollaborationService } from './collaboration/service.ts'
import type { Config } from './config.ts'
import { createDatasetPort } from './data/action-port.ts'
import { createDataService } from './data/service.ts'
import { openDatabase } from './db/client.ts'
import { createDatabaseClock } from './db/clock.ts'
import { openPostgres } from './db/open.ts'
import { createPatience } from './db/patience.ts'
import { inTransaction, sqlOn } from './db/sql.ts'
import { checkTold } from './db/told.ts'
import { createDocumentPort } from './documents/action-port.ts'
import { createDocumentService } from './documents/service.ts'
import { createEgress, type Egress } from './egress/egress.ts'
import { createEngine } from './engine/engine.ts'
import { openNodeSession } from './engine/node.ts'
import { queueDepth } from './engine/queries.ts'
import { systemAlarm } from './engine/timer.ts'
import { createEventService } from './events/service.ts'
import { maskError } from './graphql/errors.ts'
import { createHub } from './graphql/streams/hub.ts'
import { attachWebSocket } from './graphql/ws.ts'
import { createGraphqlServer, type GraphqlRules } from './graphql/yoga.ts'
import { artifactUrl, siteUrl } from './hosting/addresses.ts'
import { createAgentRoute } from './hosting/agent-route.ts'
import { createAppPages } from './hosting/app-pages.ts'
import { createClientOf } from './hosting/client.ts'
import { createCredentials } from './hosting/credentials.ts'
import { createForms } from './hosting/forms.ts'
import { createSiteMemory } from './hosting/memory.ts'
import { createPasses } from './hosting/passes.ts'
import { createHosting } from './hosting/routes.ts'
import { createPostgresStorage } from './hosting/storage.ts'
import { createVariants } from './hosting/variants.ts'
import { createVisits } from './hosting/visits.ts'
import { createCallers } from './http/callers.ts'
import { createEventStreams } from './http/event-streams.ts'
import { createHealth } from './http/health.ts'
import { listen } from './http/listen.ts'
import { measured } from './http/measured.ts'
import { createMetrics } from './http/metrics.ts'
import { createReportHandler } from './http/reports.ts'
import { createRequestHandler } from './http/server.ts'
import { createUploadHandler } from './http/uploads.ts'
import { createWorkerHandler } from './http/worker.ts'
import { createAnswerService } from './idempotency/answers.ts'
import { createIdempotencyService } from './idempotency/service.ts'
import { keptSecret, newKey } from './identity/secrets.ts'
import { createIdentityService } from './identity/service.ts'
import { createSessions } from './identity/sessions.ts'
import { newToken } from './identity/tokens.ts'
import { createJobChangeSource } from './jobs/change-source.ts'
import { createJobRights } from './jobs/rights.ts'
import { createJobRows } from './jobs/rows.ts'
import { createJobService } from './jobs/service.ts'
import { type Clock, systemClock } from './kernel/clock.ts'
import { derivedKey } from './kernel/derived-key.ts'
import { newId } from './kernel/ids.ts'
import type { Log } from './kernel/log.ts'
import { createRate } from './kernel/rate.ts'
import { createSeal } from './kernel/seal.ts'
import { VERSION } from './kernel/version.ts'
import { createChanges } from './live/changes.ts'
import { createFeed } from './live/feed.ts'
import { createLogReader } from './live/log-reader.ts'
import { openPostgresBus } from './live/postgres-bus.ts'
import { createRunChanges } from './live/run-changes.ts'
import { openMail } from './mail/open.ts'
import { createDialects } from './rest/registry.ts'
import { createRestRouter } from './rest/router.ts'
import { createReportPasses } from './runs/report-passes.ts'
import { createRunService } from './runs/service.ts'
import { startNothing } from './runs/start-here.ts'
import { createScheduleService } from './schedules/service.ts'
import { createStackService } from './stacks/service.ts'
import { createUploadService } from './uploads/service.ts'
import { createTidy } from './uploads/tidy.ts'

const MINUTE_MS = 60_000

export type App = {
  /** Base of the addresses that are handed out: `http://localhost:4000`. */
  url: string
  /** The token of the first administrator, and whether it was made just now; empty on a node that serves nobody. */
  admin: { token: string; isNew: boolean }
  /** Ends in order: no new work, running work up to the drain limit, sockets, database. */
  stop(): Promise<void>
}

/** `signal` ends the start, which then rejects. */
export async function createApp(config: Config, log: Log, signal?: AbortSignal): Promise<App> {
  const closing: (() => Promise<unknown>)[] = []
  const stop = async () => {
    for (let close = closing.pop(); close; close = closing.pop()) {
      await close().catch((error) => log.error({ err: error }, 'something could not be closed'))
    }
  }
  try {
    return { ...(await open(config, log, (close) => closing.push(close), signal)), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** `onClose`: what was opened last is closed first. */
async function open(
  config: Config,
  log: Log,
  onClose: (close: () => Promise<unknown>) => void,
  signal?: AbortSignal,
): Promise<Omit<App, 'stop'>> {
  const key = config.SECRET_KEY ?? (await keptSecret(config.DATA_DIR, 'secret-key', newKey)).secret
  const serves = config.ROLE !== 'worker'
  const works = config.ROLE !== 'api'
  const seal = createSeal(key)

  const patiently = createPatience({ seconds: config.DATABASE_WAIT_SECONDS, signal, log })
  const postgres = await openPostgres({ databaseUrl: config.DATABASE_URL, dataDir: config.DATA_DIR, patiently }, log)
  onClose(postgres.stop)
  const redis = config.REDIS_URL
    ? await (await import('./live/redis-bus.ts')).openRedisBus(config.REDIS_URL, log)
    : null
  const database = openDatabase(postgres.connection, log, redis?.tell)
  onClose(database.close)
  const { prisma, pool, enginePool } = database
  if (redis) await patiently(() => checkTold(pool, log))
  const bus = redis ?? (await patiently(() => openPostgresBus(database.connection, log)))
  onClose(bus.close)
  const nodeId = newId()
  if (works) {
    const { connection } = database
    const node = await patiently(() => openNodeSession({ connection, nodeId, pool, log }))
    onClose(node.close)
  }
  const egress = createEgress({ allowCidrs: config.EGRESS_ALLOW_CIDRS, httpsOnly: config.EGRESS_HTTPS_ONLY })
  onClose(egress.close)
  const databaseClock = createDatabaseClock(pool)
  const identity = createIdentityService({ prisma, pool, databaseClock })
  const admin = serves ? await adminToken(config) : { token: '', isNew: false }
  if (serves) await patiently(() => identity.bootstrapAdmin(admin.token))
  const storage = createPostgresStorage(pool)
  const pages = createAppPages(storage)
  const variants = createVariants({ storage: pages.storage, log })
  onClose(variants.settled)
  const visits = createVisits({ pool, key: derivedKey(key, 'visitors of artifacts'), log })
  onClose(visits.close)
  const http = await listen({ port: config.PORT, host: config.HOST })
  onClose(http.close)

  const publicUrl = config.PUBLIC_URL?.replace(/\/+$/, '') ?? `http://localhost:${http.port}`
  const sitesDomain = config.SITES_DOMAIN ?? `localhost:${http.port}`
  const addresses = {
    artifactUrl: (slug: string) => artifactUrl(publicUrl, slug),
    siteUrl: (slug: string) => siteUrl(publicUrl, sitesDomain, slug),
  }
  const clock = systemClock
  const sites = createSiteMemory({ bytes: config.SITE_CACHE_BYTES / 8, bus })
  const forms = createForms({ storage: pages.storage, variants, bytes: (config.SITE_CACHE_BYTES / 8) * 7 })
  const ports = {
    mail: openMail({
      ...{ server: config.SMTP_URL, from: config.MAIL_FROM, timeoutSeconds: config.SMTP_TIMEOUT_SECONDS },
      ...{ publicUrl: config.PUBLIC_URL, outbox: path.join(config.DATA_DIR, 'outbox'), egress, clock },
    }),
    datasets: createDatasetPort({ database, maxRows: config.MAX_DATASET_ROWS }),
    artifacts: createArtifactPort({ pool, storage, addresses, sites }),
  }
  const maxFetchBytes = config.MAX_FETCH_BYTES
  const registry = createActionRegistry({ ...ports, maxFetchBytes, egress, version: VERSION, clock })
  const reader = createLogReader(sqlOn(pool))
  const feed = createFeed({ reader, bus, clock, log })
  onClose(feed.close)
  const ofRuns = createRunChanges({ feed, reader, clock, log })
  const jobChanges = createChanges({ source: createJobChangeSource({ prisma, pool, events: ofRuns }), bus, clock, log })
  onClose(jobChanges.close)
  const publications = createChanges({ source: createPublicationSource({ prisma, pool }), bus, clock, log })
  onClose(publications.close)

  const documentsOf = createDocumentPort({ pool })
  const publishLimits = {
    fileBytes: config.MAX_FILE_BYTES,
    versionBytes: config.MAX_VERSION_BYTES,
    files: config.MAX_VERSION_FILES,
  }
  const artifacts = createArtifactService({
    ...{ prisma, pool, storage, addresses, sites, changes: publications },
    ...{ agentModels: config.AGENT_MODELS, limits: publishLimits },
  })
  const collaboration = createCollaborationService({ prisma })
  const documents = createDocumentService({ prisma, pool })
  const uploads = createUploadService({ pool, storage, limits: publishLimits, publicUrl })
  const data = createDataService({ prisma, pool, artifacts, limits: { rows: config.MAX_DATASET_ROWS } })
  const logLimits = { lines: config.MAX_STEP_LOG_LINES, bytes: config.MAX_STEP_LOG_BYTES }
  const rights = createJobRights({ prisma, readJobs: createJobRows(pool) })
  const schedules = createScheduleService({ prisma, defaultTimezone: config.DEFAULT_TIMEZONE })
  const jobs = createJobService({
    ...{ prisma, pool, schedules, seal, rights, changes: jobChanges },
    ...{ actions: registry, datasets: ports.datasets, databaseNow: databaseClock.now },
  })
  const events = createEventService({ prisma, artifacts })
  const reportPasses = createReportPasses({ key: derivedKey(key, 'passes to report with'), publicUrl })
  let startHere = startNothing
  const runs = createRunService({
    ...{ prisma, pool, artifacts, jobs, rights, reader, feed, reportPasses },
    startHere: (work) => startHere(work),
    settings: { cancelGraceSeconds: config.CANCEL_GRACE_SECONDS, leaseSeconds: config.LEASE_SECONDS, logLimits },
  })

  const idempotency = createIdempotencyService({ pool, log })
  const stacks = createStackService({ prisma, pool, jobs, runs, actions: registry, seal, publicUrl })

  const hub = createHub((error) => maskError(error, log))
  const metrics = createMetrics({
    queueDepth: () => queueDepth(sqlOn(pool)),
    subscribers: () => hub.subscriberCount() + runs.waiterCount(),
    busIsAway: bus.isAway,
  })
  /** Once it is made, `NOTIFY` wakes it. */
  const engine = works
    ? createEngine(
        {
          clock,
          bus,
          log,
          alarm: systemAlarm,
          random: Math.random,
          sql: sqlOn(enginePool),
          transaction: (work) => inTransaction(enginePool, work),
          retire: ({ jobId, event }, reason) => jobs.retire(jobId, reason, event ? event.depth + 1 : 0),
          perform: createPerform({
            ...{ registry, seal, artifactUrl: addresses.artifactUrl, documents: documentsOf },
            reportUrl: reportPasses.urlFor,
          }),
          meter: metrics.meter,
        },
        {
          nodeId,
          concurrency: config.CONCURRENCY,
          leaseSeconds: config.LEASE_SECONDS,
          drainSeconds: config.DRAIN_SECONDS,
          cancelGraceSeconds: config.CANCEL_GRACE_SECONDS,
          retentionDays: config.RETENTION_DAYS,
          logLimits,
        },
      )
    : null

  const health = createHealth({
    engineProblem: () => engine?.problem() ?? null,
    ping: async () => void (await pool.query('select 1')),
    serverProblem: postgres.problem,
  })
  if (serves) {
    const trials = createTrialService({
      ...{ registry, artifacts, jobs, documents: documentsOf, reportUrl: reportPasses.urlFor },
    })
    const content = { artifacts, data, documents, uploads, collaboration }
    const answers = createAnswerService({ idempotency, seal })
    const services = { ...content, identity, schedules, jobs, stacks, events, runs, trials, answers }
    const { CORS_ORIGINS: corsOrigins, MAX_BODY_BYTES: maxBodyBytes } = config
    const clientOf = createClientOf(config.TRUST_PROXY)
    const callerOf = createCallers(clientOf)
    const rate = rateOf(config.RATE_LIMIT_PER_MINUTE, clock)
    const yoga = createGraphqlServer(
      { ...services, prisma },
      { log, hub, timer: metrics.timer, deprecated: metrics.deprecated, rate, callerOf, ...graphqlRules(config) },
    )
    const socketLimits = { operations: config.MAX_SUBSCRIPTIONS_PER_SOCKET, messageBytes: config.MAX_MESSAGE_BYTES }
    const sockets = attachWebSocket(http.server, { yoga, identity, callerOf, limits: socketLimits })
    onClose(sockets.close)
    const streams = createEventStreams()
    onClose(async () => {
      http.refuse()
      streams.cut()
    })
    const passes = createPasses({ key: derivedKey(key, 'passes to sites') })
    const credentials = createCredentials({ identity, passes })
    const agents = createAgentService({
      ...{ pool, data, model: modelOf(config, { egress, log }) },
      rate: createRate({ limit: config.AGENT_RATE_PER_MINUTE, windowMs: MINUTE_MS, now: clock.now }),
    })
    const agent = createAgentRoute({ agent: agents, credentials, clientOf, publicUrl })
    const hosting = createHosting({
      ...{ artifacts, identity, credentials, passes, pages, agent },
      ...{ memory: sites, forms, visits, clientOf, sitesDomain, publicUrl },
    })
    const rest = createRestRouter(
      createDialects({
        ...services,
        idempotency,
        credentials,
        sessions: createSessions({ key: derivedKey(key, 'sessions of Kragle') }),
        log,
        clock,
        publicUrl,
        isOpenHost: egress.isAllowedHost,
      }),
    )
    const handler = createRequestHandler({
      ...{ rest, hosting, health, metrics, log, corsOrigins, maxBodyBytes, rate, callerOf },
      graphql: {
        yoga,
        identity,
        streams,
        maxBody: { signedIn: maxBodyBytes, anonymous: config.MAX_ANONYMOUS_BODY_BYTES },
      },
      uploads: createUploadHandler({ uploads, identity, corsOrigins }),
      reports: createReportHandler({ runs }),
    })
    http.server.on(
      'request',
      measured(
        handler,
        metrics,
        (host) => hosting.siteOf(host) !== null,
        (pathname) => rest.match(pathname)?.prefix ?? null,
      ),
    )
  } else http.server.on('request', measured(createWorkerHandler(health, metrics), metrics))
  if (engine) {
    onClose(engine.stop)
    engine.start()
    startHere = engine.startHere
    const tidy = createTidy({ clock, log, transaction: (work) => inTransaction(enginePool, work) })
    onClose(tidy.stop)
    tidy.wake()
  }
  onClose(async () => health.drain())

  log.info({ url: publicUrl, version: VERSION, role: config.ROLE }, 'ready')
  return { url: publicUrl, admin }
}

function modelOf({ AGENT_BASE_URL, AGENT_API_KEY, AGENT_MODELS }: Config, ports: { egress: Egress; log: Log }) {
  if (!AGENT_BASE_URL) return null
  const answer = createModel({ ...ports, baseUrl: AGENT_BASE_URL, apiKey: AGENT_API_KEY ?? null })
  return { answer, models: AGENT_MODELS }
}

const graphqlRules = (config: Config): GraphqlRules => ({
  limits: {
    chars: config.MAX_QUERY_CHARS,
    tokens: config.MAX_QUERY_TOKENS,
    depth: config.MAX_QUERY_DEPTH,
    fields: config.MAX_QUERY_FIELDS,
    aliases: config.MAX_QUERY_ALIASES,
    rootFields: config.MAX_ROOT_FIELDS,
    cost: config.MAX_QUERY_COST,
  },
  maxBatch: config.MAX_BATCH,
  introspection: config.INTROSPECTION,
  trusted: config.TRUSTED_DOCUMENTS,
  trustedOnly: config.TRUSTED_DOCUMENTS_ONLY,
})

const rateOf = (limit: number, { now }: Clock) => (limit === 0 ? null : createRate({ limit, windowMs: MINUTE_MS, now }))

async function adminToken(config: Config) {
  if (config.ADMIN_TOKEN) return { token: config.ADMIN_TOKEN, isNew: false }
  const { secret, isNew } = await keptSecret(config.DATA_DIR, 'admin-token', newToken)
  return { token: secret, isNew }
}
