/** All action kinds. A new one is a file in `drivers` and a line here. */
import type { Scope } from '../identity/viewer.ts'
import { type Issue, ValidationError } from '../kernel/errors.ts'
import type { Driver, DriverDeps, StepContext } from './driver.ts'
import { callback } from './drivers/callback.ts'
import { discord } from './drivers/discord.ts'
import { email } from './drivers/email.ts'
import { httpGet } from './drivers/http-get.ts'
import { materialize } from './drivers/materialize.ts'
import { publish } from './drivers/publish.ts'
import { slack } from './drivers/slack.ts'
import { snapshot } from './drivers/snapshot.ts'
import { snapshotCleanup } from './drivers/snapshot-cleanup.ts'
import { webhook } from './drivers/webhook.ts'
import { failed, unfit } from './failed.ts'
import { inWordsOf, wordsOf } from './given.ts'
import type { Subject } from './ports.ts'
import { fillConfig, type Places, plainIssues, TemplateError, templateIssues } from './template.ts'

export const actionKinds = [
  webhook,
  callback,
  httpGet,
  email,
  slack,
  discord,
  materialize,
  snapshot,
  snapshotCleanup,
  publish,
]

export type ActionRegistry = {
  kinds: readonly string[]
  /**
   * The driver takes a stored configuration and fills in its templates. A configuration that fits it no longer fails the
   * step with CONFIG, a template that leads nowhere with TEMPLATE.
   */
  get(kind: string): Driver<unknown> | undefined
  /**
   * The configuration with its defaults filled in, checked as far as can be known before a run. A field that is null
   * counts as absent. `at` stands before the paths of the issues: `actions.0.webhook`. `steps`: names of those before it.
   * @throws ValidationError
   */
  parse(
    kind: string,
    config: unknown,
    options: { subject: Subject; at?: string; steps?: readonly string[] },
  ): Promise<unknown>
  /** The scopes that a token needs to give a job this action. */
  scopesOf(kind: string, config: unknown): Scope[]
  /** A stored configuration without what is secret in it; of one that fits its kind no longer, nothing is left. */
  redact(kind: string, config: unknown): unknown
}

export function createActionRegistry(deps: DriverDeps): ActionRegistry {
  const byKind = new Map(actionKinds.map(({ kind, create }) => [kind, generic(create(deps) as Driver<unknown>)]))
  const redactions = new Map(actionKinds.map((each) => [each.kind, redactionOf(each as AnyKind)]))
  const kinds = [...byKind.keys()]
  return {
    kinds,
    get: (kind) => byKind.get(kind),
    async parse(kind, config, { subject, at = '', steps = [] }) {
      const driver = byKind.get(kind)
      if (!driver) throw ValidationError.at(at, `there is no action "${kind}"; the kinds are ${kinds.join(', ')}`)
      const parsed = driver.config.safeParse(withoutNulls(config))
      const issues = parsed.success ? await issuesWith(driver, parsed.data, subject, steps) : issuesOf(parsed.error)
      if (issues.length === 0) return parsed.data
      throw new ValidationError(
        issues.map(({ path, message }) => ({ path: [at, path].filter(Boolean).join('.'), message })),
      )
    },
    scopesOf: (kind, config) => kindNamed(kind)?.scopes?.(config as never) ?? [],
    redact: (kind, config) => redactions.get(kind)?.(config) ?? {},
  }
}

const kindNamed = (kind: string): AnyKind | undefined => (actionKinds as AnyKind[]).find((each) => each.kind === kind)

type AnyKind = {
  kind: string
  config: Driver<unknown>['config']
  scopes?: (config: never) => Scope[]
  redact?: (config: never) => unknown
}

function redactionOf({ config: shape, redact }: AnyKind): (config: unknown) => unknown {
  if (!redact) return (config) => config
  return (config) => {
    const parsed = shape.safeParse(config)
    return parsed.success ? redact(parsed.data as never) : {}
  }
}

/** A driver for a configuration of unknown shape: it is parsed before each use. */
function generic(driver: Driver<unknown>): Driver<unknown> {
  return {
    ...driver,
    check(config, subject) {
      const parsed = driver.config.safeParse(config)
      return parsed.success ? driver.check(parsed.data, subject) : issuesOf(parsed.error)
    },
    async execute(config, context) {
      const parsed = driver.config.safeParse(config)
      if (!parsed.success) return unfit(inWordsOf(config, issuesOf(parsed.error)))
      // Nobody has looked at what was stored as it was given.
      const issues = wordsOf(config) ? await driver.check(parsed.data, context.subject) : []
      if (issues.length > 0) return unfit(inWordsOf(config, issues))
      const places: Places<never> | undefined = driver.places?.(parsed.data)
      if (!places || !holdsTemplate(parsed.data)) return driver.execute(parsed.data, context)
      try {
        const filled = driver.config.safeParse(fillConfig(parsed.data as object, places, scopeOf(context)))
        return filled.success ? driver.execute(filled.data, context) : unfit(inWordsOf(config, issuesOf(filled.error)))
      } catch (error) {
        if (error instanceof TemplateError) return failed('TEMPLATE', error.message)
        throw error
      }
    },
  }
}

const holdsTemplate = (config: unknown) => JSON.stringify(config).includes('{{')

const scopeOf = ({ steps, run: { job, ...run }, artifact, event, input }: StepContext) => ({
  ...{ steps, run, job, artifact, event, input },
})

async function issuesWith(driver: Driver<unknown>, config: unknown, subject: Subject, steps: readonly string[]) {
  const issues = await driver.check(config, subject)
  return issues.length > 0 || driver.isVerbatim ? issues : issuesInTemplates(driver, config, steps)
}

function issuesInTemplates(driver: Driver<unknown>, config: unknown, steps: readonly string[]): Issue[] {
  return issuesAt(config, driver.places?.(config) ?? {}, steps, '')
}

function issuesAt(config: unknown, places: Places, steps: readonly string[], at: string): Issue[] {
  return Object.entries(config ?? {}).flatMap(([field, value]) => {
    const place = places[field]
    if (place === undefined) return plainIssues(value, `${at}${field}`)
    return typeof place === 'string'
      ? templateIssues(value, place, steps, `${at}${field}`)
      : issuesAt(value, place, steps, `${at}${field}.`)
  })
}

function withoutNulls(config: unknown): unknown {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) return config
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null))
}

function issuesOf(error: { issues: { path: PropertyKey[]; message: string }[] }): Issue[] {
  return error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
}
