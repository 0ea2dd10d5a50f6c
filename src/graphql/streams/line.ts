/** Work that goes on side by side and is handed on in its order, together with all behind it that is done by then. */
export function createLine<Item>(limit: number, handOn: (items: Item[]) => Promise<void>) {
  const waiting: { item?: Item; isDone: boolean }[] = []
  let failure: { reason: unknown } | null = null
  let isHanding = false
  let wake: (() => void) | undefined

  async function handAll() {
    if (isHanding) return
    isHanding = true
    try {
      while (waiting[0]?.isDone && !failure) {
        const ready = waiting.findIndex(({ isDone }) => !isDone)
        const items = waiting.splice(0, ready < 0 ? waiting.length : ready).map(({ item }) => item as Item)
        await handOn(items)
        wake?.()
      }
    } catch (reason) {
      failure ??= { reason }
    }
    isHanding = false
    wake?.()
  }

  function fail(reason: unknown) {
    failure ??= { reason }
    wake?.()
  }

  const changed = () =>
    new Promise<void>((resolve) => {
      wake = resolve
    })

  async function until(isSo: () => boolean) {
    while (!failure && !isSo()) await changed()
    if (failure) throw failure.reason
  }

  return {
    /** Resolves when there is room for the next. @throws what any of them threw */
    async add(work: Promise<Item>): Promise<void> {
      const place: { item?: Item; isDone: boolean } = { isDone: false }
      waiting.push(place)
      work.then((item) => {
        Object.assign(place, { item, isDone: true })
        handAll()
      }, fail)
      await until(() => waiting.length < limit)
    },
    /** Resolves when all was handed on. */
    done: () => until(() => waiting.length === 0 && !isHanding),
  }
}
