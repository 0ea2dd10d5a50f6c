import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfigError, readConfig } from '../src/config.ts'

const SECRET_KEY = 'ab'.repeat(32)
const DATABASE_URL = 'postgresql://user:secret@db.example:5432/runsheet'

describe('the configuration', () => {
  it('needs nothing', () => {
    expect(readConfig({})).toMatchObject({
      PORT: 4000,
      HOST: '127.0.0.1',
      DATA_DIR: path.resolve('.runsheet'),
      EGRESS_ALLOW_CIDRS: [],
      EGRESS_HTTPS_ONLY: false,
      ROLE: 'all',
      DATABASE_WAIT_SECONDS: 60,
      LEASE_SECONDS: 10,
      MAX_STEP_LOG_LINES: 1_000,
      DRAIN_SECONDS: 30,
      RETENTION_DAYS: 30,
      CONCURRENCY: 50,
      DEFAULT_TIMEZONE: 'UTC',
      CORS_ORIGINS: ['*'],
      MAX_BODY_BYTES: 64 * 1024 * 1024,
      TRUST_PROXY: { hops: 0 },
      MAX_QUERY_CHARS: 100_000,
      RATE_LIMIT_PER_MINUTE: 0,
      TRUSTED_DOCUMENTS: null,
      MAX_DATASET_ROWS: 1_000_000,
      LOG_LEVEL: 'info',
      MAIL_FROM: { name: 'Runsheet', address: 'runsheet@localhost' },
      SMTP_TIMEOUT_SECONDS: 30,
    })
  })

  it('takes an empty variable for none, and leaves alone what is not its own', () => {
    expect(readConfig({ PORT: '', ADMIN_TOKEN: '', EGRESS_ALLOW_CIDRS: '', HOME: '/root' })).toEqual(readConfig({}))
  })

  it('reads what is given', () => {
    const config = readConfig({
      PORT: '0',
      DATABASE_URL,
      SECRET_KEY,
      EGRESS_ALLOW_CIDRS: '127.0.0.0/8, fd00::/8,',
      EGRESS_HTTPS_ONLY: 'true',
      CORS_ORIGINS: 'https://a.example, https://b.example',
      DEFAULT_TIMEZONE: 'Europe/Berlin',
      DATA_DIR: 'here',
    })
    expect(config).toMatchObject({
      PORT: 0,
      DATABASE_URL,
      SECRET_KEY,
      EGRESS_ALLOW_CIDRS: ['127.0.0.0/8', 'fd00::/8'],
      EGRESS_HTTPS_ONLY: true,
      CORS_ORIGINS: ['https://a.example', 'https://b.example'],
      DEFAULT_TIMEZONE: 'Europe/Berlin',
      DATA_DIR: path.resolve('here'),
    })
  })

  it.each([
    ['PORT', 'eighty'],
    ['PORT', '65536'],
    ['PORT', '80.5'],
    ['PUBLIC_URL', 'example.org'],
    ['PUBLIC_URL', 'ftp://example.org'],
    ['DATABASE_URL', 'mysql://localhost/db'],
    ['ADMIN_TOKEN', 'too-short'],
    ['EGRESS_ALLOW_CIDRS', '10.0.0.1'],
    ['EGRESS_ALLOW_CIDRS', '10.0.0.0/8,everything'],
    ['EGRESS_HTTPS_ONLY', 'yes'],
    ['ROLE', 'boss'],
    ['DATABASE_WAIT_SECONDS', '-1'],
    ['LEASE_SECONDS', '1'],
    ['DRAIN_SECONDS', '-1'],
    ['RETENTION_DAYS', '-1'],
    ['RETENTION_DAYS', '1.5'],
    ['CONCURRENCY', '0'],
    ['DEFAULT_TIMEZONE', 'Mars/Olympus'],
    ['SECRET_KEY', 'ab'.repeat(31)],
    ['SECRET_KEY', 'xy'.repeat(32)],
    ['MAX_BODY_BYTES', '1'],
    ['MAX_QUERY_CHARS', 'many'],
    ['MAX_QUERY_COST', '9'],
    ['MAX_QUERY_TOKENS', '1'],
    ['MAX_BATCH', '-1'],
    ['RATE_LIMIT_PER_MINUTE', 'often'],
    ['TRUST_PROXY', 'true'],
    ['TRUST_PROXY', '10.0.0.0/99'],
    ['INTROSPECTION', 'no'],
    ['LOG_LEVEL', 'loud'],
    ['SMTP_URL', 'mail.example.org'],
    ['SMTP_URL', 'http://mail.example.org'],
    ['SMTP_URL', 'smtp://mail.example.org?proxy=http://10.0.0.1'],
    ['MAIL_FROM', 'Runsheet'],
    ['SMTP_TIMEOUT_SECONDS', '0'],
  ])('refuses %s=%s with one line that names the variable', (name, value) => {
    const attempt = () => readConfig({ [name]: value })
    expect(attempt).toThrow(ConfigError)
    expect(attempt).toThrow(new RegExp(`^${name}: .+$`))
  })

  it('wants a SECRET_KEY where the database is one that nodes may share', () => {
    expect(() => readConfig({ DATABASE_URL })).toThrow(/^SECRET_KEY: is required with DATABASE_URL/)
  })

  it.each(['api', 'worker'])('wants a database that nodes may share where the role is %s', (ROLE) => {
    expect(() => readConfig({ ROLE })).toThrow(/^ROLE: .*DATABASE_URL/)
    expect(readConfig({ ROLE, DATABASE_URL, SECRET_KEY }).ROLE).toBe(ROLE)
  })

  it.each([
    ['smtp://127.0.0.1', '127.0.0.1', '127.0.0.1/32'],
    ['smtps://user:sssh@10.1.2.3:25', '10.1.2.3', '10.1.2.3/32'],
    ['smtp://[fd00::1]', 'fd00::1', 'fd00::1/128'],
    ['smtp://localhost:1025', 'localhost', '127.0.0.1/32'],
    ['smtp://0x7f000001', '127.0.0.1', '127.0.0.1/32'],
  ])('refuses SMTP_URL=%s until its address is one that may be reached', (SMTP_URL, host, range) => {
    expect(() => readConfig({ SMTP_URL })).toThrow(
      new ConfigError(`SMTP_URL: ${host} is not at a public address; add ${range} to EGRESS_ALLOW_CIDRS to allow it`),
    )
    expect(readConfig({ SMTP_URL, EGRESS_ALLOW_CIDRS: range }).SMTP_URL).toMatchObject({ host })
  })

  it('does not tell a secret in its message', () => {
    for (const name of ['SECRET_KEY', 'ADMIN_TOKEN', 'DATABASE_URL', 'SMTP_URL']) {
      let message = ''
      try {
        readConfig({ [name]: 'sssh' })
      } catch (error) {
        message = String(error)
      }
      expect(message).toContain(name)
      expect(message).not.toContain('sssh')
    }
  })

  it.each([
    ['https://example.org', 'sites.example.org'],
    ['https://api.example.org', 'example.org'],
    ['https://a.b.example.co.uk/x', 'sites.example.co.uk:8443'],
    ['http://runsheet.internal', 'sites.runsheet.internal'],
  ])(
    'refuses to serve the API at %s and sites below %s, which are one site to browsers',
    (PUBLIC_URL, SITES_DOMAIN) => {
      expect(() => readConfig({ PUBLIC_URL, SITES_DOMAIN })).toThrow(/^SITES_DOMAIN: must be of another domain/)
    },
  )

  it.each([
    ['https://runsheet.example.org', 'sites-example.org'],
    ['https://example.co.uk', 'other.co.uk'],
    ['https://one.github.io', 'two.github.io'],
    ['http://localhost:4000', 'localhost:4000'],
    ['http://api.localhost:4000', 'sites.localhost'],
    ['http://10.0.0.1:4000', '10.0.0.1:4000'],
    ['http://[::1]:4000', 'localhost:4000'],
  ])('serves the API at %s and sites below %s', (PUBLIC_URL, SITES_DOMAIN) => {
    expect(readConfig({ PUBLIC_URL, SITES_DOMAIN })).toMatchObject({ PUBLIC_URL, SITES_DOMAIN })
  })
})
