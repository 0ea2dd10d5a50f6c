import { describe, expect, onTestFinished, test } from 'vitest'
import { actionKinds, createActionRegistry } from '../../src/actions/registry.ts'
import { createEgress } from '../../src/egress/egress.ts'
import { ValidationError } from '../../src/kernel/errors.ts'
import { startReceiver } from '../support/receiver.ts'
import { nobody, stepContext } from './context.ts'
import { createTestPorts } from './ports.ts'

function open() {
  const egress = createEgress({ allowCidrs: ['127.0.0.0/8'], httpsOnly: false })
  onTestFinished(() => egress.close())
  return createActionRegistry({ ...createTestPorts(), egress, version: '0.0.0' })
}

async function issuesOf(run: () => Promise<unknown>) {
  try {
    await run()
  } catch (error) {
    if (error instanceof ValidationError) return error.issues
    throw error
  }
  return []
}

const context = stepContext()

describe('the registry', () => {
  test('knows its kinds, each with a description and a driver', async () => {
    const registry = open()
    expect(registry.kinds).toContain('webhook')
    expect(registry.kinds).toEqual(actionKinds.map(({ kind }) => kind))
    for (const { description } of actionKinds) expect(description).toMatch(/\w+/)
    for (const kind of registry.kinds) expect(registry.get(kind)).toMatchObject({ execute: expect.any(Function) })
    expect(registry.get('no-such')).toBe(undefined)
    expect(registry.get('constructor')).toBe(undefined)
  })

  test('fills in defaults, and takes null for absent', async () => {
    const config = { url: 'https://example.com/', method: null, headers: null, body: null, contentType: null }
    expect(await open().parse('webhook', config, { subject: nobody })).toEqual({
      url: 'https://example.com/',
      method: 'POST',
      headers: {},
      includeArtifact: true,
    })
  })

  test('names each field that is wrong by its path', async () => {
    const config = { url: 7, method: 'TRACE', headers: { 'x-a': 1 } }
    const paths = (
      await issuesOf(() => open().parse('webhook', config, { subject: nobody, at: 'actions.0.webhook' }))
    ).map(({ path }) => path)
    expect(paths).toEqual(['actions.0.webhook.url', 'actions.0.webhook.method', 'actions.0.webhook.headers.x-a'])
  })

  test('names what the shape cannot say in the same way', async () => {
    expect(
      await issuesOf(() => open().parse('webhook', { url: 'http://10.0.0.1/' }, { subject: nobody, at: 'actions.2' })),
    ).toEqual([{ path: 'actions.2.url', message: '10.0.0.1 is not at a public address' }])
    expect(await issuesOf(() => open().parse('webhook', { url: '' }, { subject: nobody }))).toMatchObject([
      { path: 'url' },
    ])
    for (const config of [null, 'text', [], 1]) {
      expect(await issuesOf(() => open().parse('webhook', config, { subject: nobody, at: 'actions.0' }))).toMatchObject(
        [{ path: 'actions.0' }],
      )
    }
  })

  test('says which kinds there are when asked for another', async () => {
    expect(await issuesOf(() => open().parse('pigeon', {}, { subject: nobody, at: 'actions.0' }))).toEqual([
      { path: 'actions.0', message: expect.stringMatching(/"pigeon".*webhook/) },
    ])
  })

  test('a parsed configuration survives storage and runs', async () => {
    const receiver = await startReceiver()
    const registry = open()
    const stored = JSON.parse(
      JSON.stringify(await registry.parse('webhook', { url: receiver.url, body: { a: 1 } }, { subject: nobody })),
    )
    expect(await registry.get('webhook')?.execute(stored, context)).toMatchObject({ ok: true })
    expect(receiver.calls).toMatchObject([{ method: 'POST', body: '{"a":1}' }])
  })

  test('a stored configuration that no longer fits fails the step, not the engine', async () => {
    expect(await open().get('webhook')?.execute({ url: 7 }, context)).toMatchObject({
      ok: false,
      failure: { code: 'CONFIG', transient: false },
      deliveries: [],
    })
  })
})
