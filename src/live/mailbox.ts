/** Holds what arrives until it is taken. Bounded: when it is full it drops everything and says so, once. */
export type Mailbox<Item> = {
  put(item: Item): void
  /** What has arrived, as soon as there is something; 'overflow' after a loss; 'closed' at the end. */
  take(): Promise<Item[] | 'overflow' | 'closed'>
  close(): void
}

export function createMailbox<Item>(limit: number): Mailbox<Item> {
  let items: Item[] = []
  let overflowed = false
  let closed = false
  let notify: (() => void) | undefined

  function wake() {
    notify?.()
    notify = undefined
  }

  return {
    put(item) {
      if (closed || overflowed) return
      if (items.length < limit) items.push(item)
      else {
        items = []
        overflowed = true
      }
      wake()
    },
    async take() {
      while (!closed) {
        if (overflowed) {
          overflowed = false
          return 'overflow'
        }
        if (items.length > 0) {
          const taken = items
          items = []
          return taken
        }
        await new Promise<void>((resolve) => {
          notify = resolve
        })
      }
      return 'closed'
    },
    close() {
      closed = true
      wake()
    },
  }
}
