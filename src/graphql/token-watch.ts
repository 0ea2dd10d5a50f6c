/**
 * Ends what lives on a token when the token ends, or when its holder loses a right that they had as the stream began, such
 * as by leaving a team: streams outlive the request that they were allowed for.
 */
import { type ExecutionResult, GraphQLError } from 'graphql'
import { isAsyncIterable, type Plugin } from 'graphql-yoga'
import { bearerToken } from '../identity/bearer.ts'
import type { IdentityService } from '../identity/service.ts'
import type { SignedIn, Viewer } from '../identity/viewer.ts'
import { ForbiddenError } from '../kernel/errors.ts'
import type { Context } from './context.ts'

/** How long after its end a token may still be shown events. */
const EVERY_MS = 5_000

type Watcher = { viewer: Viewer; end: (reason: ForbiddenError) => void }

const LOST = 'you have lost a right since the stream began: subscribe again for what you may still see'

function hasLost(before: Viewer, now: Viewer): boolean {
  if (!before || !now) return false
  const keeps = ({ teams, roles }: SignedIn) =>
    [...before.teams.keys()].every((id) => teams.has(id)) &&
    [...before.roles].every(([id, role]) => roles.has(id) && (role === 'VIEWER' || roles.get(id) === role))
  return (before.isAdmin && !now.isAdmin) || !keeps(now)
}

export type TokenWatch = ReturnType<typeof createTokenWatch>

/** Looks now and then, once per token however many streams live on it. The answer of `watch` ends the watching. */
export function createTokenWatch(identity: Pick<IdentityService, 'authenticate'>, everyMs = EVERY_MS) {
  const watched = new Map<string, Set<Watcher>>()
  let planned = false

  async function look() {
    for (const [token, watchers] of watched) {
      await identity.authenticate(token).then(
        (now) => {
          for (const { viewer, end } of watchers) if (hasLost(viewer, now)) end(new ForbiddenError(LOST))
        },
        (error) => {
          // Anything else, such as a database that is away, says nothing about the token.
          if (error instanceof ForbiddenError) for (const { end } of watchers) end(error)
        },
      )
    }
    planned = false
    plan()
  }

  function plan() {
    if (planned || watched.size === 0) return
    planned = true
    setTimeout(look, everyMs).unref()
  }

  return {
    /** `viewer`: who the token’s holder was when the stream began. */
    watch(token: string, viewer: Viewer, end: Watcher['end']): () => void {
      const watcher = { viewer, end }
      const watchers = watched.get(token) ?? new Set()
      watched.set(token, watchers.add(watcher))
      plan()
      return () => {
        watchers.delete(watcher)
        if (watchers.size === 0 && watched.get(token) === watchers) watched.delete(token)
      }
    },
  }
}

type Stream = AsyncIterableIterator<ExecutionResult>

/** The last result of a stream whose token has ended says so. */
export function watchTokens({ watch }: TokenWatch): Plugin<Context> {
  return {
    onSubscribe: ({ args: { contextValue } }) => ({
      onSubscribeResult({ result, setResult }) {
        const { request, authorization } = contextValue as { request?: Request; authorization?: string }
        const token = bearerToken(request ? request.headers.get('authorization') : authorization)
        if (token === undefined || !isAsyncIterable(result)) return
        setResult(endWith(result as Stream, (end) => watch(token, contextValue.viewer, end)) as never)
      },
    }),
  }
}

function endWith(source: Stream, watch: (end: (reason: ForbiddenError) => void) => () => void): Stream {
  let reason: ForbiddenError | undefined
  const unwatch = watch((error) => {
    reason = error
    source.return?.().catch(() => {})
  })
  const left = <Result>(result: Result): Result => {
    unwatch()
    return result
  }
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    async next() {
      const item = await source.next().catch((error) => Promise.reject(left(error)))
      if (!item.done) return item
      const error = left(reason)
      reason = undefined
      return error ? { value: { errors: [new GraphQLError(error.message, { originalError: error })] } } : item
    },
    return: async () => left((await source.return?.()) ?? { done: true, value: undefined }),
    throw: async (error) => left((await source.throw?.(error)) ?? { done: true, value: undefined }),
  }
}
