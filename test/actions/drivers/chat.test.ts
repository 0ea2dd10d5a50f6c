/** Slack and Discord, against servers that speak their protocols. */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { StepContext } from '../../../src/actions/driver.ts'
import { createDiscordDriver } from '../../../src/actions/drivers/discord.ts'
import { createSlackDriver } from '../../../src/actions/drivers/slack.ts'
import { createEgress } from '../../../src/actions/egress.ts'
import { type Answer, startReceiver } from '../../support/receiver.ts'
import { nobody, stepContext } from '../context.ts'

function drivers() {
  const egress = createEgress({ allowCidrs: ['127.0.0.0/8'], httpsOnly: false })
  onTestFinished(() => egress.close())
  const deps = { egress, version: '1.2.3' }
  return { slack: createSlackDriver(deps), discord: createDiscordDriver(deps) }
}

async function post(kind: 'slack' | 'discord', config: object, part: Partial<StepContext> = {}, answer?: Answer) {
  const receiver = await startReceiver(answer)
  const driver = drivers()[kind]
  const parsed = driver.config.parse({ webhookUrl: `${receiver.url}/services/T0/very-secret`, ...config })
  const result = await driver.execute(parsed as never, stepContext(part))
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

  test('cuts what Discord would refuse for its length', async () => {
    const driver = drivers().discord
    const config = driver.config.parse({
      webhookUrl: 'https://d.example/',
      includeArtifactLink: true,
      customMessage: 'x',
    })
    const receiver = await startReceiver()
    const filled = { ...config, webhookUrl: receiver.url, customMessage: '😀'.repeat(3_000) }
    await driver.execute(filled, stepContext())
    const { content } = JSON.parse(receiver.calls[0]?.body ?? '')
    expect([...content]).toHaveLength(2_000)
    expect(content).toMatch(/…\nhttp:\/\/demo.localhost:4000\/$/)
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
