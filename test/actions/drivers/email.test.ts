import type { SMTPServerOptions } from 'smtp-server'
import { describe, expect, test } from 'vitest'
import type { StepContext } from '../../../src/actions/driver.ts'
import { createEmailDriver } from '../../../src/actions/drivers/email.ts'
import type { MailPort, Subject } from '../../../src/actions/ports.ts'
import { createActionRegistry } from '../../../src/actions/registry.ts'
import { openSmtp, refusing, startMailServer } from '../../mail/servers.ts'
import { listener, nobody, stepContext } from '../context.ts'
import { createTestPorts } from '../ports.ts'

const ARTIFACT = '0190a3b4-0000-7000-8000-0000000000aa'
const owner: Subject = { ...nobody, artifactId: ARTIFACT }
const basic = { recipients: ['ann@example.org'], subject: 'Tides' }

function open(mail?: MailPort) {
  const ports = createTestPorts()
  const driver = createEmailDriver({ ...ports, ...(mail && { mail }) })
  return {
    ...ports,
    issues: async (config: object, subject = owner) =>
      driver.check(driver.config.parse({ ...basic, ...config }), subject),
    execute: (config: object, part: Partial<StepContext> = {}) =>
      driver.execute(driver.config.parse({ ...basic, ...config }), stepContext({ subject: owner, ...part })),
  }
}

/** A driver with a real mail server, and what that got. */
async function withServer(options?: SMTPServerOptions) {
  const server = await startMailServer(options)
  const world = open(openSmtp({ url: `smtp://127.0.0.1:${server.port}` }))
  return { ...world, server }
}

async function mailed(config: object, part?: Partial<StepContext>, prepare?: (world: ReturnType<typeof open>) => void) {
  const { server, ...world } = await withServer()
  prepare?.(world)
  expect(await world.execute(config, part)).toMatchObject({ ok: true })
  const [arrived] = server.arrived
  return { mail: await server.received(), raw: arrived?.raw.toString() ?? '' }
}

describe('the mail', () => {
  test('has the author’s words, and says which job sent it', async () => {
    const { mail } = await mailed({ text: 'High water at noon.\n\nGrüße 🌊', replyTo: 'desk@example.org' })
    expect(mail.subject).toBe('Tides')
    expect(mail.replyTo?.text).toBe('desk@example.org')
    expect(mail.text).toBe('High water at noon.\n\nGrüße 🌊\n\n-- \nSent by the job “Report” (job_1) of Runsheet.\n')
    expect(mail.html).toContain('<p>High water at noon.</p>\n<p>Grüße 🌊</p>')
    expect(mail.html).toContain('Sent by the job “Report” (job_1) of Runsheet.')
  })

  test('is readable as text when only HTML is given', async () => {
    const { mail } = await mailed({ html: '<h1>High</h1><p>water</p>' })
    expect(mail.text).toMatch(/^High\n\nwater\n\n-- /)
    expect(mail.html).toContain('<h1>High</h1><p>water</p>')
  })

  test('says what ran when no words are given', async () => {
    const { mail } = await mailed({})
    expect(mail.text).toMatch(/^The job “Report” ran, as was due at 2026-03-01T12:00:00.000Z\.\n/)
    const run = { ...stepContext().run, scheduledFor: null, job: { id: 'job_1', name: null } }
    const event = { id: 'evt_1', type: 'order.paid', payload: {} }
    expect((await mailed({}, { run, event })).mail.text).toMatch(/^A job ran, after the event order\.paid\.\n/)
  })

  test('links to the artifact if that is wanted', async () => {
    const { mail } = await mailed({ text: 'x', includeArtifactLink: true })
    expect(mail.text).toContain('\ndemo: http://demo.localhost:4000/\n')
    expect(mail.html).toContain('<a href="http://demo.localhost:4000/">demo</a>')
    expect((await mailed({ text: 'x' })).mail.text).not.toContain('demo')
  })

  test('has the same id at every attempt, and another for another step', async () => {
    const id = async (part: Partial<StepContext>) => (await mailed({}, part)).mail.messageId
    expect(await id({ attempt: 1 })).toBe('<0190a3b4000070008000000000000001.0@runsheet.example>')
    expect(await id({ attempt: 2 })).toBe('<0190a3b4000070008000000000000001.0@runsheet.example>')
    expect(await id({ position: 3 })).toBe('<0190a3b4000070008000000000000001.3@runsheet.example>')
  })
})

describe('the page of the artifact', () => {
  const page = (path: string, mime: string, content: string | Buffer) => (world: ReturnType<typeof open>) =>
    void world.pages.set(ARTIFACT, { name: 'Tides', path, mime, content: Buffer.from(content) })

  test('is attached, and its words are in the mail', async () => {
    const html = '<title>no</title><h1>Husum</h1><script>no</script><p>12:00 &amp; 18:00</p>'
    const prepare = page('site/index.html', 'text/html; charset=utf-8', html)
    const { mail } = await mailed({ text: 'Today:', includeArtifactContent: true }, {}, prepare)
    expect(mail.attachments).toMatchObject([{ filename: 'index.html', contentType: 'text/html' }])
    expect(mail.attachments[0]?.content.toString()).toBe(html)
    expect(mail.text).toMatch(/^Today:\n\nHusum\n\n12:00 & 18:00\n\n-- /)
    expect(mail.html).toContain('<p>Husum</p>\n<p>12:00 &amp; 18:00</p>')
  })

  test('of another kind is attached only', async () => {
    const prepare = page('map.png', 'image/png', Buffer.from([1, 2, 3]))
    const { mail } = await mailed({ text: 'Map:', includeArtifactContent: true }, {}, prepare)
    expect(mail.attachments).toMatchObject([{ filename: 'map.png', contentType: 'image/png' }])
    expect(mail.text).toMatch(/^Map:\n\n-- /)
  })

  test('that is long is in the mail to some length, and whole as a file', async () => {
    const prepare = page('log.txt', 'text/plain', 'line of a log\n'.repeat(60_000))
    const { mail, raw } = await mailed({ text: 'Log:', includeArtifactContent: true }, {}, prepare)
    expect(mail.attachments[0]?.size).toBe(14 * 60_000)
    expect(mail.text?.length).toBeLessThan(21_000)
    expect(mail.text).toContain('…\n\n(All of it is in the attached log.txt.)')
    expect(raw).not.toContain('<script')
  })

  test('that is not there fails the step', async () => {
    const world = open()
    expect(await world.execute({ includeArtifactContent: true })).toMatchObject({
      ok: false,
      failure: { code: 'NO_LIVE_PAGE', transient: false },
      deliveries: [],
    })
    expect(world.mails).toEqual([])
  })
})

describe('datasets', () => {
  test('are attached as CSV, each under its name', async () => {
    const { mail } = await mailed({ attachDatasets: ['ports', 'dat_2'] }, {}, ({ sets }) => {
      sets.push({ id: 'dat_1', name: 'ports', rows: [{ name: 'Husum', note: '=1+1' }], snapshots: [] })
      sets.push({ id: 'dat_2', name: 'tides/of "today"', rows: [], snapshots: [] })
    })
    expect(mail.attachments.map(({ filename, contentType }) => [filename, contentType])).toEqual([
      ['ports.csv', 'text/csv'],
      ['tides-of -today-.csv', 'text/csv'],
    ])
    expect(mail.attachments[0]?.content.toString()).toBe("\uFEFFname,note\r\nHusum,'=1+1\r\n")
  })

  test('that are too large together fail the step, and nothing is sent', async () => {
    const world = open()
    const rows = Array.from({ length: 600 }, () => ({ text: 'x'.repeat(10_000) }))
    world.sets.push({ id: 'dat_1', name: 'half', rows, snapshots: [] })
    world.sets.push({ id: 'dat_2', name: 'other', rows, snapshots: [] })
    expect(await world.execute({ attachDatasets: ['half'] })).toMatchObject({ ok: true })
    expect(await world.execute({ attachDatasets: ['half', 'other'] })).toMatchObject({
      ok: false,
      failure: { code: 'MAIL_TOO_LARGE', transient: false, message: expect.stringContaining('"other"') },
    })
    expect(world.mails).toHaveLength(1)
  })

  test('that went since the job was made fail the step', async () => {
    expect(await open().execute({ attachDatasets: ['ports'] })).toMatchObject({
      ok: false,
      failure: { code: 'DATASET_NOT_FOUND', transient: false },
    })
  })

  test('are read no further once the signal says so', async () => {
    const world = open()
    world.sets.push({ id: 'dat_1', name: 'ports', rows: [{ a: 1 }], snapshots: [] })
    const config = { attachDatasets: ['ports'] }
    const cancelled = await world.execute(config, { signal: AbortSignal.abort(Symbol('cancelled')) })
    expect(cancelled).toMatchObject({ ok: false, failure: { code: 'ABORTED', transient: false } })
    const late = AbortSignal.abort(new DOMException('late', 'TimeoutError'))
    expect(await world.execute(config, { signal: late })).toMatchObject({
      failure: { code: 'SMTP_TIMEOUT', transient: true },
    })
    expect(world.mails).toEqual([])
  })
})

describe('what is left', () => {
  const recipients = ['ann@example.org', 'bob@example.org']

  test('is a delivery for each recipient, and which of them the server takes', async () => {
    const world = await withServer(refusing({ 'bob@example.org': 550 }))
    const { said, report } = listener()
    const result = await world.execute({ recipients, text: 'x' }, { report })
    expect(said).toEqual([{ done: 1, total: 2, message: 'recipients that the mail server took' }])
    const messageId = '0190a3b4000070008000000000000001.0@runsheet.example'
    expect(result).toMatchObject({
      ok: true,
      output: {
        messageId,
        accepted: ['ann@example.org'],
        rejected: [{ address: 'bob@example.org', code: 550, message: '550 not bob@example.org' }],
      },
      warnings: ['bob@example.org was refused: 550 not bob@example.org'],
    })
    const common = {
      method: 'SMTP',
      requestBytes: world.server.arrived[0]?.raw.length,
      requestHeaders: { subject: 'Tides', 'message-id': `<${messageId}>` },
      responseHeaders: {},
      truncated: false,
      error: null,
      startedAt: expect.any(Date),
      durationMs: expect.any(Number),
    }
    expect(result.deliveries.map(({ responseBody, ...each }) => ({ ...each, words: String(responseBody) }))).toEqual([
      { ...common, url: 'mailto:ann@example.org', status: 250, words: expect.stringMatching(/^250 /) },
      { ...common, url: 'mailto:bob@example.org', status: 550, words: '550 not bob@example.org' },
    ])
  })

  test('of a mail that all refuse is a failure, and each one’s reason', async () => {
    const world = await withServer(refusing({ 'ann@example.org': 450, 'bob@example.org': 452 }))
    const result = await world.execute({ recipients })
    expect(result).toMatchObject({
      ok: false,
      failure: { code: 'SMTP_REFUSED', transient: true },
      deliveries: [
        { url: 'mailto:ann@example.org', status: 450, error: null },
        { url: 'mailto:bob@example.org', status: 452, error: null },
      ],
    })
    expect(result.deliveries[1]?.requestBytes).toBeGreaterThan(100)
  })

  test('of a mail server that is not there is a failure that may pass', async () => {
    const result = await open(openSmtp({ url: 'smtp://127.0.0.1:9' })).execute({ recipients })
    const error = { code: 'SMTP_CONNECTION', message: expect.stringContaining('ECONNREFUSED') }
    expect(result).toMatchObject({
      ok: false,
      failure: { ...error, transient: true },
      deliveries: recipients.map((address) => ({ url: `mailto:${address}`, status: null, error })),
    })
  })
})

describe('a configuration', () => {
  test.each([
    [{ recipients: ['ann@example.org', 'ANN@example.org'] }, 'recipients.1'],
    [{ attachDatasets: ['ports', 'other'] }, 'attachDatasets.1'],
  ])('%j is refused at %s', async (config, path) => {
    const { issues, sets } = open()
    sets.push({ id: 'dat_1', name: 'ports', rows: [], snapshots: [] })
    expect((await issues(config)).map((issue) => issue.path)).toEqual([path])
  })

  test('that wants the artifact needs a job that is put on one', async () => {
    const { issues } = open()
    const config = { includeArtifactLink: true, includeArtifactContent: true }
    expect(await issues(config)).toEqual([])
    expect((await issues(config, nobody)).map(({ path }) => path)).toEqual(Object.keys(config))
  })

  test.each([
    ['recipients', []],
    ['recipients', Array.from({ length: 11 }, (_, index) => `a${index}@example.org`)],
    ['recipients.0', ['Ann <ann@example.org>']],
    ['recipients.0', ['{{ input.mail }}']],
    ['subject', ''],
    ['subject', 'x'.repeat(201)],
    ['subject', 'two\nlines'],
    ['text', ''],
    ['text', 'ü'.repeat(128 * 1024 + 1)],
    ['html', 'x'.repeat(256 * 1024 + 1)],
    ['replyTo', 'desk'],
    ['attachDatasets', ['a', 'b', 'c', 'd', 'e', 'f']],
  ])('is refused at %s for %j', (path, value) => {
    const { config } = createEmailDriver(createTestPorts())
    const [field = ''] = path.split('.')
    const parsed = config.safeParse({ ...basic, [field]: value })
    expect(parsed.error?.issues.map((issue) => issue.path.join('.'))).toEqual([path])
  })

  test('has templates in its subject and its words, which write no markup and no lines', async () => {
    const ports = createTestPorts()
    const registry = createActionRegistry({ ...ports, egress: {} as never, version: '0' })
    const config = {
      ...basic,
      subject: 'Tides of {{ input.port }}',
      text: 'At {{ input.port }}',
      html: '<b>{{ input.port }}</b>',
    }
    const stored = await registry.parse('email', config, { subject: nobody })
    const input = { port: 'Husum\r\nBcc: <eve@example.org>' }
    await registry.get('email')?.execute(stored, stepContext({ input }))
    expect(ports.mails).toMatchObject([
      {
        subject: 'Tides of Husum Bcc: <eve@example.org>',
        text: expect.stringContaining('At Husum\r\nBcc: <eve@example.org>'),
        html: expect.stringContaining('<b>Husum\r\nBcc: &lt;eve@example.org&gt;</b>'),
      },
    ])
    const long = await registry.get('email')?.execute(stored, stepContext({ input: { port: 'x'.repeat(300) } }))
    expect(long).toMatchObject({ ok: false, failure: { code: 'CONFIG' } })
  })

  test('may be tried with blanks without end', async () => {
    const ports = createTestPorts()
    const registry = createActionRegistry({ ...ports, egress: {} as never, version: '0' })
    const stored = await registry.parse('email', { ...basic, subject: '{{ input }}' }, { subject: nobody })
    const started = performance.now()
    await registry.get('email')?.execute(stored, stepContext({ input: ' '.repeat(1_000_000) }))
    expect(performance.now() - started).toBeLessThan(2000)
  })
})
