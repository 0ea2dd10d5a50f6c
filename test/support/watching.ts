/** Streams of things that change, as tests wait for them: what was shown, and what is to be shown. */
import { expect } from 'vitest'
import type { Outcome, Question, Streaming } from '../graphql/transports.ts'
import type { TestApp } from './app.ts'

/** How many streams a node serves. */
export async function streamsOf({ url }: TestApp): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(/^runsheet_subscribers (\d+)$/m.exec(text)?.[1])
}

/** Subscribes, and answers when the stream has begun. */
export async function watching<Shown>(transport: Streaming, app: TestApp, question: Question, field: string) {
  const before = await streamsOf(app)
  const shown: Shown[] = []
  const leaving = new AbortController()
  const stream = transport.stream(app, question, leaving.signal)
  let last: Outcome | null = null
  let isOver = false
  const reading = (async () => {
    for await (const outcome of stream) {
      last = outcome
      if (outcome.data) shown.push(outcome.data[field] as Shown)
    }
  })().finally(() => {
    isOver = true
  })
  await expect.poll(async () => isOver || (await streamsOf(app)) > before).toBe(true)
  return {
    shown,
    /** The newest of what was shown matches, or soon will. */
    until: (expected: object, what = 'the newest of what was shown') =>
      expect.poll(() => shown.at(-1), { message: what, timeout: 5_000 }).toMatchObject(expected),
    /** What came last, when the server has ended it. */
    async ended() {
      await reading
      return last
    },
    /** Answers when the server has let it go. */
    async leave() {
      const among = isOver ? Number.POSITIVE_INFINITY : await streamsOf(app)
      leaving.abort()
      await reading
      await expect.poll(() => streamsOf(app)).toBeLessThan(among)
    },
  }
}
