/**
 * Callers of one turn of the event loop share one statement and its commit; each still waits for its own result.
 * `run` gets the items in order and must answer as many results in the same order. When it throws, all of them fail.
 */
export function createBatch<Item, Result>(
  run: (items: Item[]) => Promise<Result[]>,
  limits: { maxSize: number; maxInFlight: number },
): (item: Item) => Promise<Result> {
  type Waiting = { item: Item; resolve: (result: Result) => void; reject: (reason: unknown) => void }
  const waiting: Waiting[] = []
  let inFlight = 0
  let planned = false

  function flush() {
    while (waiting.length > 0 && inFlight < limits.maxInFlight) {
      const part = waiting.splice(0, limits.maxSize)
      inFlight++
      run(part.map(({ item }) => item))
        .then(
          (results) => {
            for (const [index, { resolve }] of part.entries()) resolve(results[index] as Result)
          },
          (reason) => {
            for (const { reject } of part) reject(reason)
          },
        )
        .finally(() => {
          inFlight--
          flush()
        })
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      if (planned) return
      planned = true
      setImmediate(() => {
        planned = false
        flush()
      })
    })
}
