/** What one event comes to: executed once, and written once, for all who share it. */
import { type ExecutionArgs, type ExecutionResult, execute, type GraphQLError } from 'graphql'
import { LRUCache } from 'lru-cache'
import { formatted } from '../errors.ts'

export type SharedResult = {
  result: ExecutionResult & { stringify(): string }
  /** JSON of the result. */
  bytes: Buffer
  /** Of the event in its log; null: it is in none. */
  position: number | null
}

/** Those who catch up, or come back together, read the same events at about the same time. */
const REMEMBERED = 500
/** What is shown of an event is true when it is shown, and no older than this. */
const FRESH_MS = 1_000

export type Results = ReturnType<typeof createResults>

/** `args`: the subscription as all who share it ask it. */
export function createResults(args: ExecutionArgs, isLogged: boolean, mask: (error: unknown) => GraphQLError) {
  const recent = new LRUCache<number, Promise<SharedResult>>({ max: REMEMBERED, ttl: FRESH_MS })

  async function executed(event: unknown, position: number | null): Promise<SharedResult> {
    const { errors, ...rest } = await execute({ ...args, rootValue: event })
    const shown: ExecutionResult = errors ? { ...rest, errors: errors.map(mask) } : rest
    const text = JSON.stringify(errors ? { ...shown, errors: shown.errors?.map(formatted) } : shown)
    // Yoga writes a result by this, behind `data: `: a line of its own is the id that EventSource comes back with.
    const stringify = () => (position === null ? text : `${text}\nid: ${position}`)
    return { result: { ...shown, stringify }, bytes: Buffer.from(text), position }
  }

  return {
    of(event: unknown): Promise<SharedResult> {
      if (!isLogged) return executed(event, null)
      const { position } = event as { position: number }
      const known = recent.get(position) ?? executed(event, position)
      recent.set(position, known)
      return known
    },
  }
}
