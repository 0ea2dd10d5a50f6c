/**
 * How many operations may be under way at once on one socket. Counted are those that are at work, also when the client
 * has taken its interest back; the protocol's own list of them is too long to be counted for each.
 */
import { tooMuch } from './refusal.ts'

/** `socket`: whatever is the same for all operations of one; `operation`: what is the operation's alone. */
export function createSocketOperations(most: number) {
  const underWay = new WeakMap<object, Set<object>>()
  // Made once: it is thrown for each of thousands of messages, and costs more than they do.
  const full = tooMuch(`${most} operations are under way on this socket (MAX_SUBSCRIPTIONS_PER_SOCKET).`)
  return {
    /** @throws GraphQLError LIMIT_EXCEEDED */
    begin(socket: object, operation: object): void {
      const operations = underWay.get(socket) ?? new Set()
      if (operations.size >= most) throw full
      underWay.set(socket, operations.add(operation))
    },
    /** As often as one likes. */
    end(socket: object, operation: object): void {
      underWay.get(socket)?.delete(operation)
    },
  }
}
