/** How many operations may be under way at once on one socket. */
import type { Context } from 'graphql-ws'
import { tooMuch } from './refusal.ts'

/** @throws GraphQLError LIMIT_EXCEEDED; the protocol has taken the new operation among the others already */
export function limitOperations({ subscriptions }: Pick<Context, 'subscriptions'>, most: number): void {
  let count = 0
  for (const _ in subscriptions) count += 1
  if (count > most) {
    throw tooMuch(`${most} operations are under way on this socket (MAX_SUBSCRIPTIONS_PER_SOCKET).`)
  }
}
