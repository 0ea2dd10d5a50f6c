/**
 * Changes that their clients may ask for again, by a key of their own: what came of it the first time is answered again
 * for a day. It is kept encrypted, as secrets that are shown once are a part of some answers.
 */
import { deserialize, serialize } from 'node:v8'
import type { SignedIn } from '../identity/viewer.ts'
import { ForbiddenError, NotFoundError } from '../kernel/errors.ts'
import type { Seal } from '../kernel/seal.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { IdempotencyService } from './service.ts'

export type AnswerService = ReturnType<typeof createAnswerService>

export type Keyed = {
  key: string
  /** Where the key was given: what an issue with it is at. */
  at: string
  /** Requests with the same key and another place are others. */
  place: string
  /** What is asked for: another request with the key is none. */
  request: unknown
}

/** `scopes`: of the token that had it done. */
type Kept<Answer> = { answer: Answer; scopes: string[]; readable: boolean }

export function createAnswerService({ idempotency, seal }: { idempotency: IdempotencyService; seal: Seal }) {
  return {
    /**
     * Does the work, or answers as it was answered before. An error frees the key: what failed may be tried again with it.
     * `isReadable`: whether all that an answer shows is there and may be read by the viewer. If it was then, it must be so
     * still; and no token learns what one with more scopes was answered.
     * @throws ConflictError IDEMPOTENCY_KEY_REUSED for another request with the key, IDEMPOTENCY_KEY_IN_USE while one is
     *   under way; ValidationError for a key that is none; ForbiddenError for what may not be read again
     */
    async once<Answer>(
      viewer: SignedIn,
      { key, at, place, request }: Keyed,
      work: () => Promise<Answer>,
      isReadable: (answer: Answer) => Promise<boolean>,
    ): Promise<{ answer: Answer; replayed: boolean }> {
      const { principalId } = viewer
      const asked = { principalId, route: place, key, at, request: fingerprintOf(request), isStrict: true }
      let fresh: { answer: Answer } | undefined
      const { answer: sealed } = await idempotency.once(asked, async () => {
        const answer = await work()
        fresh = { answer }
        // What was done is answered, whatever becomes of the look at it.
        const readable = await isReadable(answer).catch(() => true)
        return sealedOf(seal, { answer, readable, scopes: [...viewer.scopes] })
      })
      if (fresh) return { ...fresh, replayed: false }
      const { answer, readable, scopes } = openedOf<Answer>(seal, sealed)
      if (!scopes.every((scope) => (viewer.scopes as ReadonlySet<string>).has(scope))) {
        throw new ForbiddenError(
          'the token has fewer scopes than the one that the key was used with',
          'INSUFFICIENT_SCOPE',
        )
      }
      if (readable && !(await isReadable(answer))) {
        throw new NotFoundError(
          'it was done with this key, but what came of it is gone, or you may not read it any more',
        )
      }
      return { answer, replayed: true }
    },
  }
}

/** Rows have instants, bytes and big numbers, which JSON has not. */
const sealedOf = (seal: Seal, kept: Kept<unknown>): string =>
  Buffer.from(seal.seal(serialize(kept).toString('base64'))).toString('base64')

const openedOf = <Answer>(seal: Seal, sealed: string): Kept<Answer> =>
  deserialize(Buffer.from(seal.open(Buffer.from(sealed, 'base64')), 'base64'))
