/** The server's process. Exit codes: 0 a clean stop, 1 a fault, 2 a bad configuration. */
import { type App, createApp } from './app.ts'
import { type Config, ConfigError, readConfig } from './config.ts'
import { compileOneByOne } from './db/lean-wasm.ts'
import { createLog } from './kernel/log.ts'

function configure(): Config {
  try {
    return readConfig(process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(2)
  }
}

/** What stopping may take beside the drain; an embedded PostgreSQL needs 18 s at worst. */
const STOP_MS = 25_000

compileOneByOne()
const config = configure()
const log = createLog(config.LOG_LEVEL)
const stopping = new AbortController()
const { signal } = stopping
for (const name of ['SIGTERM', 'SIGINT'] as const) {
  process.on(name, () => {
    if (!signal.aborted) log.info({ signal: name }, 'stopping')
    stopping.abort()
  })
}

async function stop(app: App) {
  // A connection whose other end is gone without a word can neither be used nor be closed.
  setTimeout(
    () => {
      log.error('some of it did not stop in time')
      process.exit(1)
    },
    config.DRAIN_SECONDS * 1000 + STOP_MS,
  ).unref()
  await app.stop()
  process.exit(0)
}

try {
  const app = await createApp(config, log, signal)
  if (app.admin.isNew) {
    process.stderr.write(
      `The administrator's token, shown this once and kept in ${config.DATA_DIR}/admin-token:\n${app.admin.token}\n`,
    )
  }
  if (signal.aborted) await stop(app)
  signal.addEventListener('abort', () => stop(app))
} catch (error) {
  if (signal.aborted) process.exit(0)
  log.fatal({ err: error }, 'cannot start')
  process.exit(1)
}
