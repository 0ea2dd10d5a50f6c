/** The first step of Informer's jobs: lenient one way, exact the other. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { inWordsOf } from '../../src/actions/given.ts'
import { actionKinds } from '../../src/actions/registry.ts'
import { actionOfInformer, informerStepOf } from '../../src/jobs/informer-step.ts'

const TYPES = [
  'email',
  'api-call',
  'webhook',
  'http',
  'dataset-refresh',
  'snapshot-cleanup',
  'sap-sync',
  '',
  'constructor',
]
const FIELDS =
  'to recipients subject body html text replyTo attachDatasets url method headers datasetId keep given __proto__'

const withBraces = fc.array(fc.constantFrom('{', '}', '\\', '{{', '}}', ' run.id ', 'x')).map((parts) => parts.join(''))
const data = fc.dictionary(
  fc.constantFrom(...FIELDS.split(' ')),
  fc.oneof(
    fc.json().map((text) => JSON.parse(text)),
    withBraces,
  ),
) as fc.Arbitrary<Record<string, unknown>>

describe('of whatever data there is', () => {
  test('an action is made, whose scopes can be asked and which is JSON', () => {
    fc.assert(
      fc.property(fc.constantFrom(...TYPES), data, (type, data) => {
        const { kind, config } = actionOfInformer({ type, data })
        const { scopes } = (actionKinds.find((each) => each.kind === kind) ?? {}) as {
          scopes?: (config: never) => unknown
        }
        scopes?.(config as never)
        expect(JSON.parse(JSON.stringify(config))).toEqual(config)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('of an action that another API made', () => {
  const texts = fc.oneof(withBraces, fc.string({ minLength: 1 })).filter((text) => text !== '')
  const stored = fc.oneof(
    fc
      .record(
        {
          recipients: fc.array(texts, { minLength: 1 }),
          subject: texts,
          text: texts,
          html: texts,
          replyTo: texts,
          attachDatasets: fc.array(texts),
          includeArtifactLink: fc.boolean(),
        },
        { requiredKeys: ['recipients', 'subject'] },
      )
      .map((config) => ({ kind: 'email', config })),
    fc
      .record(
        {
          url: texts,
          method: fc.constantFrom('GET', 'POST'),
          headers: fc.dictionary(texts, texts),
          body: fc.jsonValue(),
          contentType: texts,
          includeArtifact: fc.boolean(),
        },
        { requiredKeys: ['url', 'method'] },
      )
      .map((config) => ({ kind: 'webhook', config })),
    fc
      .record({
        source: fc.record({ url: texts, format: fc.constantFrom('CSV', null) }, { requiredKeys: ['url'] }),
        target: fc.oneof(fc.record({ dataset: texts }), fc.record({ name: texts })),
        mode: fc.constantFrom('REPLACE', 'APPEND'),
      })
      .map((config) => ({ kind: 'materialize', config })),
    fc
      .record({ datasets: fc.array(texts, { minLength: 1 }), keep: fc.nat() })
      .map((config) => ({ kind: 'snapshotCleanup', config })),
    fc.constant({ kind: 'slack', config: { webhookUrl: 'https://hooks.example/' } }),
  )
  const without = ({ given: _, ...config }: Record<string, unknown>) => config
  const said = (config: Record<string, unknown>) =>
    Object.fromEntries(
      Object.entries(without(config)).filter(
        ([key, value]) =>
          value !== null &&
          !(key === 'headers' && JSON.stringify(value) === '{}') &&
          !(key === 'attachDatasets' && JSON.stringify(value) === '[]') &&
          !(key === 'includeArtifact' && value === true) &&
          !(key === 'includeArtifactLink' && value === false),
      ),
    )

  test('its clients are told what makes the same action again, or that they cannot be told', () => {
    let told = 0
    fc.assert(
      fc.property(stored, (action) => {
        const step = informerStepOf(action)
        if (!step) return
        told++
        const again = actionOfInformer(step)
        expect(again.kind).toBe(action.kind)
        const plain = JSON.parse(JSON.stringify(said(action.config as Record<string, unknown>)), (key, value) =>
          key === 'format' && value === null ? undefined : value,
        )
        expect(said(again.config)).toEqual(plain)
      }),
      { numRuns: 2000 },
    )
    expect(told).toBeGreaterThan(200)
  })

  test.each([
    [{ kind: 'slack', config: { webhookUrl: 'https://hooks.example/' } }],
    [{ kind: 'webhook', config: { url: 'https://a.example/{{ run.id }}', method: 'POST' } }],
    [{ kind: 'webhook', config: { url: 'https://a.example/', method: 'POST', contentType: 'text/plain' } }],
    [{ kind: 'email', config: { recipients: ['a@b.example'], subject: '{{ artifact.name }}' } }],
    [{ kind: 'email', config: { recipients: ['a@b.example'], subject: 'x', includeArtifactLink: true } }],
    [
      {
        kind: 'materialize',
        config: { source: { url: 'https://a.example/' }, target: { name: 'x' }, mode: 'REPLACE' },
      },
    ],
    [
      {
        kind: 'materialize',
        config: { source: { url: 'https://a.example/' }, target: { dataset: 'x' }, mode: 'APPEND' },
      },
    ],
    [{ kind: 'materialize', config: { source: { dataset: 'y' }, target: { dataset: 'x' }, mode: 'REPLACE' } }],
  ])('they have no words for %j', (action) => {
    expect(informerStepOf(action)).toBeNull()
  })
})

test('what they said in one form comes back in another that means the same', () => {
  const mail = actionOfInformer({
    type: 'email',
    data: { to: 'a@x.example; b@x.example', body: '<b>{{ no }}</b>', attachDatasets: true },
  })
  expect(mail).toMatchObject({
    kind: 'email',
    config: {
      recipients: ['a@x.example', 'b@x.example'],
      subject: '{{ job.name }}',
      html: '<b>\\{{ no }}</b>',
      attachDatasets: ['*'],
    },
  })
  expect(informerStepOf(mail)).toEqual({
    type: 'email',
    data: { recipients: ['a@x.example', 'b@x.example'], html: '<b>{{ no }}</b>', attachDatasets: true },
  })
})

test('what is wrong is told by the names that its client gave the fields', () => {
  const { config } = actionOfInformer({ type: 'email', data: { to: ['x'], body: 'y' } })
  const issue = (path: string) => inWordsOf(config, [{ path, message: 'expected string, received undefined' }])
  expect(issue('recipients.0')).toEqual([{ path: 'data.to.0', message: 'must be given' }])
  expect(issue('text')).toEqual([{ path: 'data.body', message: 'must be given' }])
  expect(issue('replyTo')).toEqual([{ path: 'data.replyTo', message: 'must be given' }])
})
