/** All action kinds. A new one is a file in `drivers` and a line here. */
import { type Issue, ValidationError } from '../kernel/errors.ts'
import type { Driver, DriverDeps } from './driver.ts'
import { webhook } from './drivers/webhook.ts'

export const actionKinds = [webhook]

export type ActionRegistry = {
  kinds: readonly string[]
  /** The driver takes a stored configuration; one that fits it no longer fails the step with CONFIG. */
  get(kind: string): Driver<unknown> | undefined
  /**
   * The configuration with its defaults filled in, checked as far as can be known before a run. A field that is null
   * counts as absent. `at` stands before the paths of the issues: `actions.0.webhook`.
   * @throws ValidationError
   */
  parse(kind: string, config: unknown, at?: string): unknown
}

export function createActionRegistry(deps: DriverDeps): ActionRegistry {
  const byKind = new Map(actionKinds.map(({ kind, create }) => [kind, generic(create(deps))]))
  const kinds = [...byKind.keys()]
  return {
    kinds,
    get: (kind) => byKind.get(kind),
    parse(kind, config, at = '') {
      const driver = byKind.get(kind)
      if (!driver) throw ValidationError.at(at, `there is no action "${kind}"; the kinds are ${kinds.join(', ')}`)
      const parsed = driver.config.safeParse(withoutNulls(config))
      const issues = parsed.success ? driver.check(parsed.data) : issuesOf(parsed.error)
      if (issues.length === 0) return parsed.data
      throw new ValidationError(
        issues.map(({ path, message }) => ({ path: [at, path].filter(Boolean).join('.'), message })),
      )
    },
  }
}

/** A driver for a configuration of unknown shape: it is parsed before each use. */
function generic<Config>(driver: Driver<Config>): Driver<unknown> {
  return {
    ...driver,
    check(config) {
      const parsed = driver.config.safeParse(config)
      return parsed.success ? driver.check(parsed.data) : issuesOf(parsed.error)
    },
    async execute(config, context) {
      const parsed = driver.config.safeParse(config)
      if (parsed.success) return driver.execute(parsed.data, context)
      const { message } = new ValidationError(issuesOf(parsed.error))
      return { ok: false, failure: { code: 'CONFIG', message, transient: false }, deliveries: [] }
    },
  }
}

function withoutNulls(config: unknown): unknown {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) return config
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null))
}

function issuesOf(error: { issues: { path: PropertyKey[]; message: string }[] }): Issue[] {
  return error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
}
