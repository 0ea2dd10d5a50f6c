/** Slack and Discord, against servers that speak their protocols. */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { StepContext, StepResult } from '../../../src/actions/driver.ts'
import { createDiscordDriver } from '../../../src/actions/drivers/discord.ts'
import { createSlackDriver } from '../../../src/actions/drivers/slack.ts'
import { createActionRegistry } from '../../../src/actions/registry.ts'
import { createEgress } from '../../../src/egress/egress.ts'
import { type Answer, startReceiver } from '../../support/receiver.ts'
import { nobody, stepContext } from '../context.ts'

function drivers() {
  const egress = createEgress({ allowCidrs: ['127.0.0.0/8'], httpsOnly: false })
  onTestFinished(() => egress.close())
  const deps = { egress, version: '1.2.3' }
  return { slack: createSlackDriver(deps), discord: createDiscordDriver(deps) }
}

/** Stored as a job would be, its templates filled in. */
async function post(kind: 'slack' | 'discord', config: object, part: Partial<StepContext> = {}, answer?: Answer) {
  const receiver = await startReceiver(answer)
  const egress = createEgress({ allowCidrs: ['127.0.0.0/8'], httpsOnly: false })
  onTestFinished(() => egress.close())
  const registry = createActionRegistry({ egress, version: '1.2.3' } as never)
  const given = { webhookUrl: `${receiver.url}/services/T0/very-secret`, ...config }
  const parsed = await registry.parse(kind, given, { subject: { ...nobody, artifactId: 'art_1' } })
  const result = (await registry.get(kind)?.execute(parsed, stepContext(part))) as StepResult
  const [call] = receiver.calls
  return { result, call, message: JSON.parse(call?.body ?? 'null') }
}

describe('slack', () => {
  test('says what its author wants, as whom and where', async () => {
    const config = {
      customMessage: 'Hello <!here>',
      channel: '#ops',
      username: 'Bot',
      iconEmoji: ':tada:',
      includeArtifactLink: true,
    }
    const { message, result, call } = await post('slack', config)
    expect(message).toEqual({
      text: 'Hello <!here>\n<http://demo.localhost:4000/|demo>',
      ...{ channel: '#ops', username: 'Bot', icon_emoji: ':tada:' },
    })
    expect(call).toMatchObject({ method: 'POST', headers: { 'content-type': 'application/json' } })
    expect(result).toMatchObject({ ok: true, output: { status: 200, body: 'ok' } })
  })

  test('says which job ran, when nobody said what to say, and lets nothing of it speak to the chat', async () => {
    const run = { ...stepContext().run, job: { id: 'job_1', name: '<!channel> & co' } }
    expect((await post('slack', {}, { run })).message).toEqual({
      text: '&lt;!channel&gt; &amp; co ran for 2026-03-01T12:00:00.000Z.',
    })
    const event = { id: 'evt_1', type: 'order.paid', payload: null }
    expect((await post('slack', {}, { event })).message.text).toBe('Report ran on order.paid.')
  })
})

describe('slack, where it refuses', () => {
  test.each([
    [201, 'HTTP_201', false],
    [204, 'HTTP_204', false],
    [302, 'HTTP_302', false],
    [404, 'HTTP_404', false],
    [429, 'HTTP_429', true],
    [500, 'HTTP_500', true],
  ])('the answer %i is a failure: %s', async (status, code, transient) => {
    const { result } = await post('slack', {}, {}, (response) => void response.writeHead(status).end())
    expect(result).toMatchObject({ ok: false, failure: { code, transient } })
  })

  test('cuts what a template made too long, and warns of it', async () => {
    const { message, result } = await post('slack', { customMessage: 'a {{ input }}' }, { input: '<'.repeat(50_000) })
    expect([...message.text]).toHaveLength(35_000)
    expect(result).toMatchObject({ ok: true, warnings: [expect.stringMatching(/^customMessage was cut/)] })
  })
})

describe('discord', () => {
  test('says what its author wants, and mentions nobody', async () => {
    const config = {
      customMessage: '@everyone hello',
      username: 'Bot',
      avatarUrl: 'https://a.example/b.png',
      includeArtifactLink: true,
    }
    expect((await post('discord', config)).message).toEqual({
      content: '@everyone hello\nhttp://demo.localhost:4000/',
      ...{ username: 'Bot', avatar_url: 'https://a.example/b.png', allowed_mentions: { parse: [] } },
    })
  })

  test('draws a box around it, with a title and a colour', async () => {
    const config = { customMessage: 'text', embedTitle: 'Title', embedColor: '#2F855A', includeArtifactLink: true }
    expect((await post('discord', config)).message).toMatchObject({
      embeds: [{ title: 'Title', description: 'text', color: 0x2f855a, url: 'http://demo.localhost:4000/' }],
    })
  })

  test.each([0, 0x2f855a, 0xffffff])('takes the colour %i as a number too', async (embedColor) => {
    expect((await post('discord', { embedColor })).message.embeds).toMatchObject([{ color: embedColor }])
    for (const embedColor of [-1, 0x1000000, 1.5, 'red', '#12345']) {
      const { success, error } = drivers().discord.config.safeParse({ webhookUrl: 'https://d.example/', embedColor })
      expect(success, `${embedColor}`).toBe(false)
      expect(error?.issues).toMatchObject([{ path: ['embedColor'] }])
    }
  })

  test('puts the link on a title, also when nobody gave one', async () => {
    const { message } = await post('discord', { embedColor: '#000000', includeArtifactLink: true })
    expect(message.embeds).toMatchObject([{ title: 'demo', url: 'http://demo.localhost:4000/' }])
  })

  test('cuts what Discord would refuse for its length, and warns of it', async () => {
    const emoji = { input: '😀'.repeat(5_000) }
    const customMessage = '{{ input }}'
    const { message, result } = await post('discord', { includeArtifactLink: true, customMessage }, emoji)
    expect([...message.content]).toHaveLength(2_000)
    expect(message.content).toMatch(/…\nhttp:\/\/demo.localhost:4000\/$/)
    expect(result).toMatchObject({
      ok: true,
      warnings: ['customMessage was cut: it had 5000 characters, and 2000 fit'],
    })
    const boxed = await post('discord', { embedTitle: '{{ input }}', customMessage }, emoji)
    expect([...boxed.message.embeds[0].title]).toHaveLength(256)
    expect([...boxed.message.embeds[0].description]).toHaveLength(4_096)
    expect(boxed.result).toMatchObject({ warnings: [expect.anything(), expect.stringMatching(/^embedTitle/)] })
  })

  test('is asked to wait by the body of a 429', async () => {
    const answer: Answer = (response) =>
      void response.writeHead(429, { 'retry-after': '1' }).end('{"retry_after": 2.4, "global": false}')
    expect((await post('discord', {}, {}, answer)).result).toMatchObject({
      failure: { code: 'HTTP_429', transient: true, retryAfter: 3 },
    })
  })
})

describe.each(['slack', 'discord'] as const)('%s', (kind) => {
  test('keeps its address to itself', async () => {
    const { result, call } = await post(kind, {})
    expect(call?.url).toBe('/services/T0/very-secret')
    expect(JSON.stringify(result)).not.toContain('very-secret')
    expect(result.deliveries).toMatchObject([{ url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/•••$/) }])
  })

  test('keeps its address to itself when the receiver says it back', async () => {
    const { result } = await post(kind, {}, {}, (response, call) => {
      response.writeHead(404, { 'x-path': call.url }).end(JSON.stringify({ error: `no ${call.url}` }))
    })
    const [delivery] = result.deliveries
    expect(delivery?.responseBody.toString()).toBe('{"error":"no ***"}')
    expect(delivery?.responseHeaders).toMatchObject({ 'x-path': '***' })
    expect(JSON.stringify(result)).not.toContain('very-secret')
  })

  test('is refused with texts that are too long for any message', () => {
    const driver = drivers()[kind]
    const limit = kind === 'slack' ? 35_000 : 2_000
    const check = (length: number) =>
      driver.check(
        driver.config.parse({ webhookUrl: 'https://chat.example/', customMessage: '😀'.repeat(length) }) as never,
        nobody,
      )
    expect(check(limit)).toEqual([])
    expect(check(limit + 1)).toEqual([{ path: 'customMessage', message: `must have at most ${limit} characters` }])
  })

  test('is refused with an address that may not be called, or a link to no artifact', () => {
    const driver = drivers()[kind]
    const check = (config: object) => driver.check(driver.config.parse(config) as never, nobody)
    expect(check({ webhookUrl: 'http://169.254.169.254/' })).toMatchObject([{ path: 'webhookUrl' }])
    expect(check({ webhookUrl: 'https://chat.example/', includeArtifactLink: true })).toMatchObject([
      { path: 'includeArtifactLink' },
    ])
    expect(driver.config.safeParse({ webhookUrl: 'https://chat.example/', customMessage: '' }).success).toBe(false)
  })
})
