/** Results that wait to be asked for. Bounded by whoever fills it: it only says when it is full. */
import type { ExecutionResult } from 'graphql'
import type { Sink } from './subscriber.ts'

/** Results. */
const LIMIT = 1_000

type Stream = AsyncIterableIterator<ExecutionResult>

export function createQueue() {
  const waiting: { result: ExecutionResult; taken?: (() => void) | undefined }[] = []
  let isOver = false
  let wake: (() => void) | undefined

  function put(result: ExecutionResult, taken?: () => void) {
    waiting.push({ result, taken })
    wake?.()
  }

  const sink: Sink = {
    send(results, taken) {
      if (isOver) return taken?.()
      for (const [index, { result }] of results.entries()) put(result, index === results.length - 1 ? taken : undefined)
    },
    isFull: () => waiting.length >= LIMIT,
  }

  return {
    sink,
    /** What is there is still taken, and `last` behind it. */
    end(last: ExecutionResult[]): void {
      for (const result of last) put(result)
      isOver = true
      wake?.()
    },
    stream(leave: () => void): Stream {
      return {
        [Symbol.asyncIterator]() {
          return this
        },
        async next() {
          while (waiting.length === 0 && !isOver) {
            await new Promise<void>((resolve) => {
              wake = resolve
            })
          }
          const next = waiting.shift()
          next?.taken?.()
          return next ? { done: false, value: next.result } : { done: true, value: undefined }
        },
        async return() {
          leave()
          isOver = true
          for (const { taken } of waiting.splice(0)) taken?.()
          wake?.()
          return { done: true, value: undefined }
        },
      }
    },
  }
}
