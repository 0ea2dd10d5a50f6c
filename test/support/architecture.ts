/** The rules of the layout: which file may import which. The folder says the feature, the file name the layer. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

export type Import = {
  /** Relative to `src`: `jobs/service.ts`. */
  from: string
  /** Relative to `src`, or the name of a package. */
  to: string
  /** Gone at run time. */
  typeOnly: boolean
}

export type Rule = { name: string; reason: string; breaks: (edge: Import) => boolean }

const role = (file: string) => path.basename(file, '.ts')
const feature = (file: string) => file.split('/')[0] ?? ''
const isFile = (to: string) => to.endsWith('.ts')
const inside =
  (...folders: string[]) =>
  (file: string) =>
    folders.includes(feature(file))

/** Asks no database, no clock and no network: the same question has the same answer. */
const PURE = new Set(
  'agent-spec app-icon app-links asked bearer cache change-set cron-dialect cron-slots domains encodings errors events field filter fingerprint given high-water informer-action informer-step instant interval least-gap manifest navigation outflow overlap paths permissions plan policy prompt pwa-spec ranges recurrence redaction render reporting retry rights row running same-origin search service-worker shared-spec shareout-actions sign-in-page signature slots sort spec spread states stored surface template tokens viewer wall-clock when xml-in xml-out zones'.split(
    ' ',
  ),
)
const isPure = (file: string) => PURE.has(role(file)) && !inside('db', 'graphql')(file)

/** What a client sees: GraphQL types and HTTP routes. */
const OUTER = new Set(
  'agent-route agent-schema comment-schema control-schema dataset-schema draft-schema enums event-types lock-schema many-schema mutation-schema report-schema routes schema shared-schema sharing-schema sign-in subscription trial-schema version-schema'.split(
    ' ',
  ),
)
const isOuter = (file: string) =>
  (!isGenerated(file) && OUTER.has(role(file)) && file !== 'graphql/schema.ts') ||
  inside('graphql', 'http', 'rest')(file)

const isGenerated = (to: string) => to.startsWith('db/generated/')
const DRIVERS = new Set(['pg', '@prisma/adapter-pg', '@prisma/client', 'undici', 'hono', 'ws'])
/** The contract, and how a guarded connection is had and fails. */
const MAIL_MAY_KNOW = ['actions/ports.ts', 'egress/egress.ts', 'egress/tcp.ts', 'actions/http-call.ts']

export const RULES: Rule[] = [
  {
    name: 'kernel stands alone',
    reason: 'the kernel is what every feature shares, so it can know none of them',
    breaks: ({ from, to }) => inside('kernel')(from) && isFile(to) && !inside('kernel')(to),
  },
  {
    name: 'pure files stay pure',
    reason: 'rules that can be tested without a database must not get to need one',
    breaks: ({ from, to, typeOnly }) =>
      isPure(from) && !typeOnly && (isFile(to) ? !isPure(to) && !inside('kernel')(to) : DRIVERS.has(to)),
  },
  {
    name: 'db, live and egress serve features, and know none',
    reason: 'what lies below may not look up',
    breaks: ({ from, to, typeOnly }) =>
      inside('db', 'live', 'egress')(from) &&
      isFile(to) &&
      !typeOnly &&
      !inside('db', 'live', 'egress', 'kernel')(to) &&
      !isPure(to),
  },
  {
    name: 'the outside asks services, not the database',
    reason: 'authorisation is in the services; a schema or a route that reads by itself goes past it',
    breaks: ({ from, to, typeOnly }) =>
      isOuter(from) &&
      !typeOnly &&
      ((inside('db')(to) && !isGenerated(to) && role(to) !== 'keyset') || to === 'pg' || role(to) === 'queries'),
  },
  {
    name: 'nothing inside knows the outside',
    reason: 'GraphQL, REST and HTTP are ways in; the product must work without each of them',
    breaks: ({ from, to }) =>
      !isOuter(from) &&
      !inside('cli')(from) &&
      from !== 'app.ts' &&
      from !== 'graphql/schema.ts' &&
      isFile(to) &&
      isOuter(to),
  },
  {
    name: 'the engine takes ports',
    reason: 'it must run over a simulated world: no API, no actions, no environment of its own',
    breaks: ({ from, to }) =>
      inside('engine')(from) && isFile(to) && !inside('engine', 'db', 'live', 'kernel', 'runs')(to) && !isPure(to),
  },
  {
    name: 'mail knows messages, not jobs',
    reason:
      'it is one of the ports of actions: a driver says what to send, and everything else of the product can change',
    breaks: ({ from, to }) =>
      inside('mail')(from) && isFile(to) && !inside('mail', 'kernel')(to) && !MAIL_MAY_KNOW.includes(to),
  },
  {
    name: 'services meet in their constructors',
    reason: 'app.ts fixes the order in which services are made, so there are no cycles',
    breaks: ({ from, to, typeOnly }) =>
      role(to) === 'service' && !typeOnly && from !== 'app.ts' && feature(from) !== feature(to),
  },
  {
    name: 'run state has one writer',
    reason:
      'a run and its event change in one statement of runs/transition/, or the log lies; runs/forget.ts changes nothing, but lets whole runs go that ended long ago',
    breaks: ({ from, to }) =>
      to === 'statement: run state' && !from.startsWith('runs/transition/') && from !== 'runs/forget.ts',
  },
  {
    name: 'the environment is read in one place',
    reason:
      'every variable is documented and checked in config.ts; main.ts hands it over (PATH, for child processes, is no setting)',
    breaks: ({ from, to }) => to === 'process.env' && from !== 'main.ts',
  },
  {
    name: 'only the composition root sees everything',
    reason: 'whoever imports app.ts or config.ts can reach all of the product',
    breaks: ({ from, to }) =>
      ['app.ts', 'config.ts'].includes(to) && !['app.ts', 'main.ts'].includes(from) && !inside('cli')(from),
  },
]

/** All imports of the files below `root`, with what else the rules are about: the environment, and writes of run state. */
export function importsBelow(root: string): Import[] {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !isGenerated(file),
  )
  return files.flatMap((file) => {
    const text = readFileSync(path.join(root, file), 'utf8')
    const edges: Import[] = [...text.matchAll(/^(?:import|export)\s+(type\s)?[^'"`;]*?['"]([^'"]+)['"]/gm)].map(
      ([, type, target = '']) => ({ from: file, to: resolve(file, target), typeOnly: type !== undefined }),
    )
    if (/\bprocess\.env\b(?!\.PATH\b)/.test(text.replace(/\/\*[\s\S]*?\*\//g, '')))
      edges.push({ from: file, to: 'process.env', typeOnly: false })
    if (
      /\b(insert into|update|delete from) run(_queue|_event|_attempt|_step)?\b/.test(text) &&
      !inside('engine')(file)
    ) {
      edges.push({ from: file, to: 'statement: run state', typeOnly: false })
    }
    return edges
  })
}

const resolve = (from: string, target: string) =>
  target.startsWith('.') ? path.posix.normalize(path.posix.join(path.posix.dirname(from), target)) : target

export const broken = (edges: Import[]) =>
  RULES.flatMap((rule) =>
    edges.filter(rule.breaks).map(({ from, to }) => ({ rule: rule.name, text: `${from} → ${to}: ${rule.reason}` })),
  )
