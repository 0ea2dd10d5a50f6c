/** The hub over a schema of the test's own: who shares what, and that nobody misses or gets twice what others cause. */
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import {
  type ExecutionResult,
  GraphQLError,
  GraphQLInt,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  parse,
} from 'graphql'
import { afterEach, describe, expect, it } from 'vitest'
import { createHub } from '../../src/graphql/streams/hub.ts'
import type { SharedResult } from '../../src/graphql/streams/result.ts'
import { type Sink, Subscriber, type Taker } from '../../src/graphql/streams/subscriber.ts'
import type { Scope, SignedIn, Viewer } from '../../src/identity/viewer.ts'

type Event = { position: number }

/** A log that many follow, each at its own pace: a source counts as open until it is left. */
function createLog() {
  const events: Event[] = []
  const wakes = new Set<() => void>()
  const open = new Set<object>()
  let isOver = false
  const wakeAll = () => {
    for (const wake of wakes) wake()
  }
  return {
    events,
    open,
    append(position: number) {
      events.push({ position })
      wakeAll()
    },
    end() {
      isOver = true
      wakeAll()
    },
    follow(after: number | null): AsyncIterableIterator<Event> {
      let next = after === null ? events.length : 0
      const source: AsyncIterableIterator<Event> = {
        [Symbol.asyncIterator]: () => source,
        async next() {
          await turn()
          while (open.has(source)) {
            const event = events[next++]
            if (event && event.position > (after ?? 0)) return { done: false, value: event }
            if (event) continue
            next--
            if (isOver) break
            await new Promise<void>((resolve) => wakes.add(resolve))
          }
          open.delete(source)
          return { done: true, value: undefined }
        },
        async return() {
          open.delete(source)
          wakeAll()
          return { done: true, value: undefined }
        },
      }
      open.add(source)
      return source
    },
  }
}

function createWorld() {
  const log = createLog()
  const executions: number[] = []
  const EventType = new GraphQLObjectType({
    name: 'Event',
    fields: {
      position: {
        type: GraphQLInt,
        // Some take longer than those behind them.
        async resolve({ position }: Event) {
          executions.push(position)
          for (let n = position % 4; n > 0; n--) await turn()
          return position
        },
      },
      fault: {
        type: GraphQLInt,
        resolve: () => {
          throw new Error('a secret')
        },
      },
    },
  })
  const of = { type: GraphQLInt }
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { ok: { type: GraphQLInt } } }),
    subscription: new GraphQLObjectType({
      name: 'Subscription',
      fields: {
        log: {
          type: EventType,
          args: { of, after: { type: GraphQLString } },
          subscribe: (_root, { after, of }) => {
            if (of === 0) throw new Error('there is no 0')
            return log.follow(after == null ? null : Number(after))
          },
          resolve: (event) => event,
        },
        news: { type: EventType, args: { of }, subscribe: () => log.follow(null), resolve: (event) => event },
      },
    }),
  })
  const hub = createHub((error) => new GraphQLError('masked', { originalError: error as Error }))
  const documents = new Map<string, ReturnType<typeof parse>>()

  return {
    ...{ log, executions, hub },
    async subscribe(
      query: string,
      { viewer = null, variables = {}, sink, lastEventId }: Options = {},
    ): Promise<ExecutionResult | Started> {
      const document = documents.get(query) ?? parse(query)
      documents.set(query, document)
      const seen: SharedResult[] = []
      const eager: Sink = {
        isFull: () => false,
        send(results, taken) {
          seen.push(...results)
          taken?.()
        },
      }
      const args = { schema, document, variableValues: variables, contextValue: { viewer } }
      let end: Taker['end'] = () => {}
      const ended = new Promise<unknown>((resolve) => {
        end = resolve
      })
      const { send, isFull } = sink ?? eager
      const started = await hub.subscribe(args, { send, isFull, end }, lastEventId)
      return started instanceof Subscriber ? { leave: () => started.end(), ended, seen } : started
    },
  }
}

type Options = { viewer?: Viewer; variables?: Record<string, unknown>; sink?: Sink; lastEventId?: string }
type Started = { leave(): void; ended: Promise<unknown>; seen: SharedResult[] }

const positions = (seen: SharedResult[]) => seen.map(({ position }) => position)
const dataOf = (seen: SharedResult[]) => seen.map(({ bytes }) => JSON.parse(bytes.toString()).data.log.position)

const ann: SignedIn = {
  ...{ principalId: 'ann', handle: 'ann', isAdmin: false, tokenId: 't1', email: null },
  ...{ scopes: new Set<Scope>(['jobs:read']), roles: new Map(), teams: new Map() },
}

let world = createWorld()
const started: Started[] = []
const start = async (...args: Parameters<(typeof world)['subscribe']>): Promise<Started> => {
  const subscriber = await world.subscribe(...args)
  if (!('leave' in subscriber)) throw new Error(JSON.stringify(subscriber))
  started.push(subscriber)
  return subscriber
}

afterEach(async () => {
  for (const { leave } of started.splice(0)) leave()
  await expect.poll(() => [world.hub.groupCount(), world.log.open.size]).toEqual([0, 0])
  expect(world.hub.subscriberCount()).toBe(0)
  world = createWorld()
})

describe('subscribers who ask the same', () => {
  it('share one execution and one text of each event', async () => {
    const many = await Promise.all(Array.from({ length: 50 }, () => start('subscription { log { position } }')))
    for (const position of [1, 2, 3]) world.log.append(position)
    for (const { seen } of many) await expect.poll(() => positions(seen)).toEqual([1, 2, 3])
    expect(world.executions).toEqual([1, 2, 3])
    const [first] = many
    for (const { seen } of many) seen.map((shared, n) => expect(shared.bytes).toBe(first?.seen[n]?.bytes))
    expect(world.hub.groupCount()).toBe(1)
  })

  it('share it wherever each begins, once they have caught up', async () => {
    for (let position = 1; position <= 20; position++) world.log.append(position)
    const query = 'subscription($from: String) { log(after: $from) { position } }'
    const many = await Promise.all(
      Array.from({ length: 21 }, (_, n) => start(query, { variables: { from: String(n) } })),
    )
    for (const [n, { seen }] of many.entries()) await expect.poll(() => seen.length).toBe(20 - n)
    world.log.append(21)
    world.log.append(22)
    for (const { seen } of many) await expect.poll(() => positions(seen).at(-1)).toBe(22)
    world.executions.length = 0
    world.log.append(23)
    for (const { seen } of many) await expect.poll(() => positions(seen).at(-1)).toBe(23)
    expect(world.executions).toEqual([23])
    // The group's own source is the only one left.
    expect(world.log.open.size).toBe(1)
    for (const [n, { seen }] of many.entries()) {
      expect(dataOf(seen)).toEqual(Array.from({ length: 23 - n }, (_, i) => n + 1 + i))
    }
  })

  it.each<[string, string, Options]>([
    ['a literal', 'subscription { log(of: 1, after: "2") { position } }', {}],
    ['a variable', 'subscription($a: String) { log(of: 1, after: $a) { position } }', { variables: { a: '2' } }],
    ['a default', 'subscription($a: String = "2") { log(of: 1, after: $a) { position } }', {}],
    ['a fragment', 'subscription { ...F } fragment F on Subscription { log(of: 1, after: "2") { position } }', {}],
    ['an inline fragment', 'subscription { ... { log(of: 1, after: "2") { position } } }', {}],
    ['the header of a client that comes back', 'subscription { log(of: 1) { position } }', { lastEventId: '2' }],
    ['that header, beside null', 'subscription { log(of: 1, after: null) { position } }', { lastEventId: '2' }],
    [
      'that header, not where it once began',
      'subscription { log(of: 1, after: "0") { position } }',
      { lastEventId: '2' },
    ],
  ])('begin behind the cursor in %s', async (_where, query, options) => {
    for (const position of [1, 2, 3, 4]) world.log.append(position)
    const { seen } = await start(query, options)
    await expect.poll(() => positions(seen)).toEqual([3, 4])
    world.log.append(5)
    await expect.poll(() => dataOf(seen)).toEqual([3, 4, 5])
  })

  it.each<[string, string, Options, string, Options]>([
    ['fields', 'subscription { log { position } }', {}, 'subscription { log { p: position } }', {}],
    ['arguments', 'subscription { log(of: 1) { position } }', {}, 'subscription { log(of: 2) { position } }', {}],
    [
      'variables',
      ...(['subscription($n: Int) { log(of: $n) { position } }', { variables: { n: 1 } }] as const),
      ...(['subscription($n: Int) { log(of: $n) { position } }', { variables: { n: 2 } }] as const),
    ],
    ['people', 'subscription { log { position } }', { viewer: ann }, 'subscription { log { position } }', {}],
    [
      'scopes',
      ...(['subscription { log { position } }', { viewer: ann }] as const),
      ...(['subscription { log { position } }', { viewer: { ...ann, scopes: new Set<Scope>() } }] as const),
    ],
    [
      'teams',
      ...(['subscription { log { position } }', { viewer: ann }] as const),
      ...([
        'subscription { log { position } }',
        { viewer: { ...ann, teams: new Map([['t', 'MEMBER' as const]]) } },
      ] as const),
    ],
    [
      'roles',
      ...(['subscription { log { position } }', { viewer: ann }] as const),
      ...([
        'subscription { log { position } }',
        { viewer: { ...ann, roles: new Map([['a', 'VIEWER' as const]]) } },
      ] as const),
    ],
  ])('are none with other %s', async (_what, one, oneOptions, other, otherOptions) => {
    await start(one, oneOptions)
    await start(other, otherOptions)
    expect(world.hub.groupCount()).toBe(2)
  })

  it('are one with another layout, another token of the same rights, another order of variables', async () => {
    await start('subscription($n: Int, $a: String) { log(of: $n, after: $a) { position } }', {
      ...{ viewer: ann, variables: { n: 1, a: '0' } },
    })
    await start('subscription( $n: Int $a: String ){log(of: $n, after: $a){position}}', {
      ...{ viewer: { ...ann, tokenId: 't2' }, variables: { a: '7', n: 1 } },
    })
    expect(world.hub.groupCount()).toBe(1)
  })

  it('are each asked by the service whether they may', async () => {
    const query = 'subscription($n: Int) { log(of: $n) { position } }'
    expect(await world.subscribe(query, { variables: { n: 0 } })).toMatchObject({
      errors: [{ message: 'there is no 0', path: ['log'] }],
    })
    expect(await world.subscribe(query, { variables: { n: 'x' } })).toMatchObject({
      errors: [{ message: expect.stringContaining('$n') }],
    })
  })
})

describe('one subscriber', () => {
  /** Takes only when it is told to. */
  function slowSink(limit: number) {
    const seen: SharedResult[] = []
    const waiting: (() => void)[] = []
    let most = 0
    const sink: Sink = {
      isFull: () => waiting.length >= limit,
      send(results, taken) {
        seen.push(...results)
        waiting.push(...results.map((_, index) => (index === results.length - 1 && taken) || (() => {})))
        most = Math.max(most, waiting.length)
      },
    }
    const takeAll = () => {
      for (const taken of waiting.splice(0)) taken()
    }
    return { sink, seen, takeAll, most: () => most }
  }

  /** Those that came together, before it was full. */
  const BOUND = 10 + 50

  it('that takes slowly is bounded, holds nobody up, loses nothing, and comes back', async () => {
    const slow = slowSink(10)
    await start('subscription { log { position } }', { sink: slow.sink })
    const quick = await start('subscription { log { position } }')
    for (let position = 1; position <= 500; position++) world.log.append(position)
    await expect.poll(() => quick.seen.length).toBe(500)
    expect(slow.most()).toBeLessThanOrEqual(BOUND)
    expect(slow.seen.length).toBeLessThanOrEqual(BOUND)
    while (slow.seen.length < 500) {
      slow.takeAll()
      await turn()
    }
    slow.takeAll()
    expect(positions(slow.seen)).toEqual(positions(quick.seen))
    world.log.append(501)
    await expect.poll(() => slow.seen.length).toBe(501)
    slow.takeAll()
    await expect.poll(() => world.log.open.size).toBe(1)
  })

  it('of what has no log, that takes too slowly, is told to begin anew', async () => {
    const slow = slowSink(10)
    const { ended } = await start('subscription { news { position } }', { sink: slow.sink })
    const { seen } = await start('subscription { news { position } }')
    for (let position = 1; position <= 100; position++) world.log.append(position)
    expect(await ended).toMatchObject({ code: 'LIMIT_EXCEEDED' })
    await expect.poll(() => seen.length).toBe(100)
    expect(slow.most()).toBeLessThanOrEqual(BOUND)
  })

  it('is shown a fault masked, in the result and in its text, and goes on', async () => {
    const { seen } = await start('subscription { log { position fault } }')
    world.log.append(1)
    world.log.append(2)
    await expect.poll(() => seen.length).toBe(2)
    for (const { result, bytes } of seen) {
      expect(result.errors).toMatchObject([{ message: 'masked' }])
      expect(JSON.parse(bytes.toString()).errors).toEqual([{ message: 'masked', extensions: {} }])
    }
  })

  it('ends with its source, whether it was reading or live', async () => {
    world.log.append(1)
    const live = await start('subscription { log { position } }')
    const reading = await start('subscription { log(after: "0") { position } }')
    await expect.poll(() => reading.seen.length).toBe(1)
    world.log.append(2)
    await expect.poll(() => [live, reading].map(({ seen }) => positions(seen).at(-1))).toEqual([2, 2])
    world.log.end()
    expect(await Promise.all([live.ended, reading.ended])).toEqual([undefined, undefined])
  })
})

it('nobody misses an event, gets one twice or out of order, whenever they come, go and dawdle', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 1, max: 8 }) }),
    fc.record({
      kind: fc.constant('join' as const),
      from: fc.option(fc.nat(30)),
      limit: fc.integer({ min: 1, max: 5 }),
    }),
    fc.record({ kind: fc.constant('take' as const), who: fc.nat(20) }),
    fc.record({ kind: fc.constant('leave' as const), who: fc.nat(20) }),
    fc.record({ kind: fc.constant('wait' as const), turns: fc.integer({ min: 1, max: 5 }) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      world = createWorld()
      const people: { seen: number[]; takeAll(): void; leave(): void; from: number; isNew: boolean; gone: boolean }[] =
        []
      let last = 0
      for (const each of steps) {
        for (let n = 0; each.kind === 'append' && n < each.count; n++) {
          last += 1 + (last % 3)
          world.log.append(last)
        }
        if (each.kind === 'wait') for (let n = 0; n < each.turns; n++) await turn()
        if (each.kind === 'join') {
          const waiting: (() => void)[] = []
          const seen: number[] = []
          const sink: Sink = {
            isFull: () => waiting.length >= each.limit,
            send(results, taken) {
              seen.push(...results.map(({ position }) => position ?? 0))
              waiting.push(taken ?? (() => {}))
            },
          }
          const variables = { a: each.from === null ? null : String(each.from) }
          const query = 'subscription($a: String) { log(after: $a) { position } }'
          const { leave } = (await world.subscribe(query, { variables, sink })) as Started
          const takeAll = () => {
            for (const taken of waiting.splice(0)) taken()
          }
          people.push({ seen, takeAll, leave, from: each.from ?? last, isNew: each.from === null, gone: false })
        }
        const person = 'who' in each ? people[each.who % (people.length || 1)] : undefined
        if (each.kind === 'take') person?.takeAll()
        if (each.kind === 'leave' && person) {
          person.leave()
          person.gone = true
        }
      }
      const after = (from: number) => world.log.events.map(({ position }) => position).filter((each) => each > from)
      /** Who comes to a group that is about to be given an event may be given it too. */
      const wanted = ({ from, isNew, seen }: (typeof people)[number]) =>
        after(isNew ? Math.min(from, (seen[0] ?? from + 1) - 1) : from)
      const here = people.filter(({ gone }) => !gone)
      for (let n = 0; n < 400 && here.some((each) => each.seen.length < wanted(each).length); n++) {
        for (const { takeAll } of here) takeAll()
        await turn()
      }
      for (const each of here) expect(each.seen).toEqual(wanted(each))
      for (const each of people) expect(each.seen).toEqual(wanted(each).slice(0, each.seen.length))
      for (const { leave, takeAll } of people) {
        leave()
        takeAll()
      }
      await turn()
      for (let n = 0; n < 50 && world.log.open.size > 0; n++) await turn()
      expect([world.hub.groupCount(), world.hub.subscriberCount(), world.log.open.size]).toEqual([0, 0, 0])
    }),
    { numRuns: 150 },
  )
})
