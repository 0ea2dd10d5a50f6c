/** The server's process. Exit codes: 0 a clean stop, 1 a fault, 2 a bad configuration. */
import { type App, createApp } from './app.ts'
import { type Config, ConfigError, readConfig } from './config.ts'
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

const config = configure()
const log = createLog(config.LOG_LEVEL)
let stopping = false

async function stop(app: App, signal: string) {
  if (stopping) return
  stopping = true
  log.info({ signal }, 'stopping')
  await app.stop()
  process.exit(0)
}

try {
  const app = await createApp(config, log)
  process.on('SIGTERM', () => stop(app, 'SIGTERM'))
  process.on('SIGINT', () => stop(app, 'SIGINT'))
  if (app.admin.isNew) {
    process.stderr.write(
      `The administrator's token, shown this once and kept in ${config.DATA_DIR}/admin-token:\n${app.admin.token}\n`,
    )
  }
} catch (error) {
  log.fatal({ err: error }, 'cannot start')
  process.exit(1)
}
