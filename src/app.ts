/** The composition root: the only file that sees everything. It opens what runs, in order, and closes it in reverse. */
import { createEgress } from './actions/egress.ts'
import { createPerform } from './actions/perform.ts'
import { createActionRegistry } from './actions/registry.ts'
import { createArtifactService } from './artifacts/service.ts'
import type { Config } from './config.ts'
import { openDatabase } from './db/client.ts'
import { openPostgres } from './db/open.ts'
import { inTransaction, sqlOn } from './db/sql.ts'
import { createEngine } from './engine/engine.ts'
import { openNodeSession } from './engine/node.ts'
import { systemAlarm } from './engine/timer.ts'
import { createEventService } from './events/service.ts'
import { attachWebSocket } from './graphql/ws.ts'
import { createGraphqlServer } from './graphql/yoga.ts'
import { artifactUrl, siteUrl } from './hosting/addresses.ts'
import { createHosting } from './hosting/routes.ts'
import { createPostgresStorage } from './hosting/storage.ts'
import { createHealth } from './http/health.ts'
import { listen } from './http/listen.ts'
import { createRequestHandler } from './http/server.ts'
import { keptSecret, newKey } from './identity/secrets.ts'
import { createIdentityService } from './identity/service.ts'
import { newToken } from './identity/tokens.ts'
import { createJobService } from './jobs/service.ts'
import { systemClock } from './kernel/clock.ts'
import { newId } from './kernel/ids.ts'
import type { Log } from './kernel/log.ts'
import { createSeal } from './kernel/seal.ts'
import { VERSION } from './kernel/version.ts'
import { createFeed } from './live/feed.ts'
import { createLogReader } from './live/log-reader.ts'
import { openPostgresBus } from './live/postgres-bus.ts'
import { createRunService } from './runs/service.ts'
import { createScheduleService } from './schedules/service.ts'

export type App = {
  /** Base of the addresses that are handed out: `http://localhost:4000`. */
  url: string
  /** The token of the first administrator, and whether it was made just now. */
  admin: { token: string; isNew: boolean }
  /** Ends in order: no new work, running work up to the drain limit, sockets, database. */
  stop(): Promise<void>
}

export async function createApp(config: Config, log: Log): Promise<App> {
  const closing: (() => Promise<unknown>)[] = []
  const stop = async () => {
    for (let close = closing.pop(); close; close = closing.pop()) {
      await close().catch((error) => log.error({ err: error }, 'something could not be closed'))
    }
  }
  try {
    return { ...(await open(config, log, (close) => closing.push(close))), stop }
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
): Promise<Omit<App, 'stop'>> {
  const key = config.SECRET_KEY ?? (await keptSecret(config.DATA_DIR, 'secret-key', newKey)).secret
  const admin = config.ADMIN_TOKEN
    ? { secret: config.ADMIN_TOKEN, isNew: false }
    : await keptSecret(config.DATA_DIR, 'admin-token', newToken)
  const seal = createSeal(key)

  const postgres = await openPostgres({ databaseUrl: config.DATABASE_URL, dataDir: config.DATA_DIR }, log)
  onClose(postgres.stop)
  const database = openDatabase(postgres.connection, log)
  onClose(database.close)
  const { prisma, pool, enginePool } = database
  const bus = await openPostgresBus(database.connection, log)
  onClose(bus.close)
  const nodeId = newId()
  const node = await openNodeSession({ connection: database.connection, nodeId, pool, log })
  onClose(node.close)
  const egress = createEgress({ allowCidrs: config.EGRESS_ALLOW_CIDRS, httpsOnly: config.EGRESS_HTTPS_ONLY })
  onClose(egress.close)
  const identity = createIdentityService({ prisma })
  await identity.bootstrapAdmin(admin.secret)
  const http = await listen({ port: config.PORT, host: config.HOST })
  onClose(http.close)

  const publicUrl = config.PUBLIC_URL?.replace(/\/+$/, '') ?? `http://localhost:${http.port}`
  const sitesDomain = config.SITES_DOMAIN ?? `localhost:${http.port}`
  const addresses = {
    artifactUrl: (slug: string) => artifactUrl(publicUrl, slug),
    siteUrl: (slug: string) => siteUrl(publicUrl, sitesDomain, slug),
  }
  const clock = systemClock
  const storage = createPostgresStorage(pool)
  const registry = createActionRegistry({ egress, version: VERSION, clock })
  const reader = createLogReader(sqlOn(pool))
  const feed = createFeed({ reader, bus, clock, log })
  onClose(feed.close)

  const artifacts = createArtifactService({ prisma, pool, storage, addresses })
  const schedules = createScheduleService({ prisma, defaultTimezone: config.DEFAULT_TIMEZONE })
  const jobs = createJobService({ prisma, artifacts, schedules, actions: registry, seal })
  const events = createEventService({ prisma, artifacts })
  const runs = createRunService({ prisma, pool, artifacts, jobs, reader, feed })

  const engine = createEngine(
    {
      clock,
      bus,
      log,
      alarm: systemAlarm,
      random: Math.random,
      sql: sqlOn(enginePool),
      transaction: (work) => inTransaction(enginePool, work),
      perform: createPerform({ registry, seal, artifactUrl: addresses.artifactUrl }),
    },
    {
      nodeId,
      concurrency: config.CONCURRENCY,
      leaseSeconds: config.LEASE_SECONDS,
      drainSeconds: config.DRAIN_SECONDS,
    },
  )

  const limits = { queryCost: config.MAX_QUERY_COST }
  const services = { identity, artifacts, schedules, jobs, events, runs }
  const yoga = createGraphqlServer({ ...services, prisma, limits }, { log, maxQueryChars: config.MAX_QUERY_CHARS })
  const sockets = attachWebSocket(http.server, { yoga, identity })
  onClose(sockets.close)
  const health = createHealth({ engineProblem: engine.problem, ping: async () => void (await pool.query('select 1')) })
  const { CORS_ORIGINS: corsOrigins, MAX_BODY_BYTES: maxBodyBytes } = config
  const hosting = createHosting({ artifacts, identity, storage, sitesDomain, publicUrl })
  http.server.on('request', createRequestHandler({ yoga, hosting, health, log, corsOrigins, maxBodyBytes }))
  onClose(engine.stop)
  engine.start()
  onClose(async () => health.drain())

  log.info({ url: publicUrl, version: VERSION }, 'ready')
  return { url: publicUrl, admin: { token: admin.secret, isNew: admin.isNew } }
}
