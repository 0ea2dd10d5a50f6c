/** What the configurations of ShareOut's actions must be, where the actions themselves ask for less. Pure. */
import { type Issue, ValidationError } from '../../kernel/errors.ts'
import { isPlainCron } from '../../schedules/cron-dialect.ts'

/** Fields that hold addresses to call. */
const ADDRESSES = ['url', 'webhookUrl', 'source.url']

const at = (config: Record<string, unknown>, path: string): unknown =>
  path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | null | undefined)?.[key], config)

/**
 * Addresses are https ones, but for hosts that the operator has opened; booleans and the mode of a materialize are what
 * they say, as the actions never see them.
 * @throws ValidationError
 */
export function requireConfig(
  action: string,
  config: Record<string, unknown>,
  isOpenHost: (hostname: string) => boolean,
): void {
  const issues: Issue[] = ADDRESSES.flatMap((path) => {
    const url = at(config, path)
    if (typeof url !== 'string' || !URL.canParse(url)) return []
    const { protocol, hostname } = new URL(url)
    if (url.includes('{{')) return [{ path: `config.${path}`, message: 'must not contain {{' }]
    return protocol === 'https:' || isOpenHost(hostname)
      ? []
      : [{ path: `config.${path}`, message: 'must be an https URL' }]
  })
  const { mode, includeArtifactData, body } = config
  if (action === 'materialize' && mode != null && mode !== 'replace' && mode !== 'append') {
    issues.push({ path: 'config.mode', message: 'must be replace or append' })
  }
  if (action === 'webhook' && includeArtifactData != null && typeof includeArtifactData !== 'boolean') {
    issues.push({ path: 'config.includeArtifactData', message: 'must be true or false' })
  }
  if (action === 'email' && body != null && typeof body !== 'string') {
    issues.push({ path: 'config.body', message: 'must be a text' })
  }
  if (issues.length > 0) throw new ValidationError(issues)
}

/** @throws ValidationError */
export function requirePlainCron(expression: string): void {
  if (isPlainCron(expression)) return
  throw ValidationError.at(
    'schedule',
    'must be a cron expression of 5 numeric fields (minute hour day month weekday 0-6)',
  )
}
