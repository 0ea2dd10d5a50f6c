/**
 * A stream of a generator that can be left while it waits. A generator's `return` waits for the `next` that is under way;
 * leaving first lets that one end. `leave` is called at every end, so it must bear being called again.
 */
export function closeable<Item>(source: AsyncGenerator<Item>, leave: () => void): AsyncIterableIterator<Item> {
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    async next() {
      try {
        const result = await source.next()
        if (result.done) leave()
        return result
      } catch (error) {
        leave()
        throw error
      }
    },
    return() {
      leave()
      return source.return(undefined)
    },
    throw(error) {
      leave()
      return source.throw(error)
    },
  }
}
