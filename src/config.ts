/**
 * The environment → a typed configuration. Nothing else reads process.env. A wrong value stops the start with one line
 * that names the variable (exit code 2).
 */
import path from 'node:path'
import ipaddr from 'ipaddr.js'
import { z } from 'zod'
import { DEFAULT_LIMITS } from './artifacts/spec.ts'
import { createReach } from './egress/reach.ts'
import { parseTrustedProxies } from './hosting/client.ts'
import { sharedDomain } from './hosting/domains.ts'
import { MailSettingError, parseSender, parseSmtpUrl } from './mail/spec.ts'
import { canonicalZone } from './schedules/zones.ts'
import { readTrustedDocuments } from './settings/trusted-documents.ts'

export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

const MiB = 1024 * 1024
const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most)
const flag = z.enum(['true', 'false']).transform((value) => value === 'true')
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean),
)
const mail =
  <Setting>(parse: (text: string) => Setting) =>
  (text: string, context: z.RefinementCtx): Setting => {
    try {
      return parse(text)
    } catch (error) {
      if (!(error instanceof MailSettingError)) throw error
      context.addIssue({ code: 'custom', message: error.message })
      return z.NEVER
    }
  }
const proxies = (text: string, context: z.RefinementCtx) => {
  const parsed = parseTrustedProxies(text)
  if (parsed) return parsed
  context.addIssue({ code: 'custom', message: 'must be a number of proxies, or CIDR ranges separated by commas' })
  return z.NEVER
}
const trustedDocuments = (files: string[], context: z.RefinementCtx) => {
  try {
    return readTrustedDocuments(files)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
    return z.NEVER
  }
}

const environment = z.object({
  /** Where the server listens. PORT 0 takes a free one. */
  PORT: whole(0, 65535).default(4000),
  HOST: z.string().default('127.0.0.1'),
  /** Base of the URLs that are handed out; `http://localhost:PORT` if absent. */
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** A PostgreSQL ≥ 15; absent: one of our own in DATA_DIR. */
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  /** Seconds that a starting node waits for a PostgreSQL that cannot be reached. */
  DATABASE_WAIT_SECONDS: whole(0, 86_400).default(60),
  /** `api` serves and runs nothing, `worker` runs and serves nothing but probes; with DATABASE_URL only. */
  ROLE: z.enum(['all', 'api', 'worker']).default('all'),
  /** Folder of the embedded PostgreSQL and of generated secrets. */
  DATA_DIR: z.string().min(1).default('./.runsheet'),
  /** Token of the first principal, `admin`; absent: made at the first start. At least 20 characters. */
  ADMIN_TOKEN: z.string().min(20).max(200).optional(),
  /** Sites are served at `{slug}.` + this; `localhost:PORT` if absent. Of another domain than PUBLIC_URL. */
  SITES_DOMAIN: z.string().min(1).optional(),
  /** Bytes of files of sites, and of what their addresses stand for, that are kept in memory; 0: none. */
  SITE_CACHE_BYTES: whole(0, 1024 * MiB).default(64 * MiB),
  /** Private ranges that actions may reach, separated by commas: `127.0.0.0/8`. */
  EGRESS_ALLOW_CIDRS: list
    .refine((ranges) => ranges.every((range) => ipaddr.isValidCIDR(range)), 'must be CIDR ranges separated by commas')
    .default([]),
  /** `true` refuses `http:` targets. */
  EGRESS_HTTPS_ONLY: flag.default(false),
  /** The mail server; absent: each mail is a file in DATA_DIR/outbox. */
  SMTP_URL: z.string().transform(mail(parseSmtpUrl)).optional(),
  /** Who mails are from. */
  MAIL_FROM: z.string().transform(mail(parseSender)).prefault('Runsheet <runsheet@localhost>'),
  /** Seconds that the mail server may take to be reached and greet, and that it may stay silent for afterwards. */
  SMTP_TIMEOUT_SECONDS: whole(1, 600).default(30),
  /** Seconds after which a run of a silent node is taken over. */
  LEASE_SECONDS: whole(2, 3600).default(10),
  /** Seconds that a stopping node waits for its running work. */
  DRAIN_SECONDS: whole(0, 3600).default(30),
  /** Days that final runs, their events and deleted jobs are kept; 0: for ever. */
  RETENTION_DAYS: whole(0, 36_500).default(30),
  /** Seconds after which a cancelled run is ended though its action has not stopped. */
  CANCEL_GRACE_SECONDS: whole(0, 3600).default(10),
  /** Lines that an attempt at a step may log; what is more is counted and not kept. */
  MAX_STEP_LOG_LINES: whole(0, 100_000).default(1_000),
  /** Bytes of those lines together. */
  MAX_STEP_LOG_BYTES: whole(0, 16 * MiB).default(MiB / 4),
  /** Runs at once on this node. */
  CONCURRENCY: whole(1, 10_000).default(50),
  /** Zone of cron expressions that name none. */
  DEFAULT_TIMEZONE: z
    .string()
    .refine((zone) => canonicalZone(zone) !== null, 'must be an IANA time zone such as Europe/Berlin')
    .default('UTC'),
  /** Redis or Valkey (`redis://`, `rediss://`), over which nodes tell each other what is new, instead of NOTIFY; the same on every node. */
  REDIS_URL: z.url({ protocol: /^rediss?$/, error: 'must be a URL such as redis://localhost:6379' }).optional(),
  /** 64 hex digits; encrypts stored secrets. Required with DATABASE_URL, else made in DATA_DIR. */
  SECRET_KEY: z
    .string()
    .regex(/^[0-9a-f]{64}$/i, 'must be 64 hex digits')
    .optional(),
  /** Origins that browsers may call from, separated by commas, or `*`. */
  CORS_ORIGINS: list.default(['*']),
  /** Whose X-Forwarded-For says where a request comes from: a number of proxies, or CIDR ranges; absent: nobody's. */
  TRUST_PROXY: z.string().transform(proxies).prefault('0'),
  /** Bytes of a request's body. */
  MAX_BODY_BYTES: whole(1024, 1024 * MiB).default(64 * MiB),
  /** The same of GraphQL requests without a valid token. */
  MAX_ANONYMOUS_BODY_BYTES: whole(1024, 1024 * MiB).default(MiB),
  /** Characters of a GraphQL document. */
  MAX_QUERY_CHARS: whole(100, 10_000_000).default(100_000),
  /** Tokens of a GraphQL document. */
  MAX_QUERY_TOKENS: whole(10, 1_000_000).default(5_000),
  /** Levels of fields of a GraphQL operation. */
  MAX_QUERY_DEPTH: whole(1, 1_000).default(15),
  /** Fields of a GraphQL operation, those of a fragment as often as it is spread. */
  MAX_QUERY_FIELDS: whole(10, 100_000).default(2_000),
  /** Fields of a GraphQL document that have an alias. */
  MAX_QUERY_ALIASES: whole(0, 100_000).default(200),
  /** Fields at the root of a GraphQL operation. */
  MAX_ROOT_FIELDS: whole(1, 100_000).default(50),
  /** Cost of a GraphQL operation: fields, times the size of the lists they stand in; of a list of operations together. */
  MAX_QUERY_COST: whole(10, 10_000_000).default(10_000),
  /** Operations that one HTTP request may have in a list; 0 or 1: lists are refused. */
  MAX_BATCH: whole(0, 1_000).default(10),
  /** Operations, subscriptions among them, that are under way at once on one WebSocket. */
  MAX_SUBSCRIPTIONS_PER_SOCKET: whole(1, 100_000).default(1_000),
  /** Bytes of a message that a client sends over WebSocket. */
  MAX_MESSAGE_BYTES: whole(1024, 1024 * MiB).default(MiB),
  /** `false` tells the GraphQL schema to administrators only. */
  INTROSPECTION: flag.default(true),
  /** Files of hash → GraphQL document, separated by commas, that clients may send the hashes of. */
  TRUSTED_DOCUMENTS: list.transform(trustedDocuments).prefault(''),
  /** `true` refuses all other documents. */
  TRUSTED_DOCUMENTS_ONLY: flag.default(false),
  /** Bytes of one published file. */
  MAX_FILE_BYTES: whole(1, 1024 * MiB).default(DEFAULT_LIMITS.fileBytes),
  /** Bytes of all files of a version together. */
  MAX_VERSION_BYTES: whole(1, 100 * 1024 * MiB).default(DEFAULT_LIMITS.versionBytes),
  /** Files of a version. */
  MAX_VERSION_FILES: whole(1, 1_000_000).default(DEFAULT_LIMITS.files),
  /** Base of an OpenAI-compatible API, such as `https://api.example.org/v1`, that agents of artifacts answer by; absent: none answers. */
  AGENT_BASE_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** Its key. */
  AGENT_API_KEY: z.string().min(1).optional(),
  /** Models that agents may use, separated by commas, the first by default; needed with AGENT_BASE_URL. */
  AGENT_MODELS: list.default([]),
  /** Messages that a visitor may send to agents in a minute, on each node. */
  AGENT_RATE_PER_MINUTE: whole(1, 100_000).default(20),
  /** GraphQL operations and REST requests that one token, or without one one address, may send in a minute, on each node; 0: as many as it likes. */
  RATE_LIMIT_PER_MINUTE: whole(0, 1_000_000).default(0),
  /** Rows of a dataset. */
  MAX_DATASET_ROWS: whole(1, 100_000_000).default(1_000_000),
  /** Bytes that one materialize action fetches; of a packed answer, of what is in it. */
  MAX_FETCH_BYTES: whole(1024, 1024 * MiB).default(100 * MiB),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
})

export type Config = z.output<typeof environment>

/** Empty variables count as absent. */
export function readConfig(env: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = environment.safeParse(given)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new ConfigError(`${issue?.path.join('.')}: ${issue?.message}`)
  }
  const config = parsed.data
  if (config.DATABASE_URL && !config.SECRET_KEY) {
    throw new ConfigError('SECRET_KEY: is required with DATABASE_URL (64 hex digits, the same on every node)')
  }
  if (config.TRUSTED_DOCUMENTS_ONLY && !config.TRUSTED_DOCUMENTS) {
    throw new ConfigError('TRUSTED_DOCUMENTS: is required with TRUSTED_DOCUMENTS_ONLY')
  }
  if (config.PUBLIC_URL && config.SITES_DOMAIN) {
    const domain = sharedDomain(config.PUBLIC_URL, config.SITES_DOMAIN)
    if (domain) {
      throw new ConfigError(
        `SITES_DOMAIN: must be of another domain than PUBLIC_URL, not also of ${domain}, as pages of sites could set cookies for the API`,
      )
    }
  }
  if (config.AGENT_BASE_URL && config.AGENT_MODELS.length === 0) {
    throw new ConfigError('AGENT_MODELS: must name at least one model with AGENT_BASE_URL')
  }
  if (config.ROLE !== 'all' && !config.DATABASE_URL) {
    throw new ConfigError(`ROLE: ${config.ROLE} needs a DATABASE_URL that it shares with other nodes`)
  }
  if (config.SMTP_URL && createReach(config.EGRESS_ALLOW_CIDRS).refuses(config.SMTP_URL.host)) {
    const { host } = config.SMTP_URL
    const range = host.includes(':') ? `${host}/128` : `${host.endsWith('localhost') ? '127.0.0.1' : host}/32`
    throw new ConfigError(
      `SMTP_URL: ${host} is not at a public address; add ${range} to EGRESS_ALLOW_CIDRS to allow it`,
    )
  }
  return { ...config, DATA_DIR: path.resolve(config.DATA_DIR) }
}
