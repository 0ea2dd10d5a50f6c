/**
 * One question for all who ask it at about the same time: those of one turn of the event loop, and those who come while an
 * earlier question is under way. It is sent after the last of them has asked, and its answer is not kept: nobody is told
 * what was so before they asked.
 */
import DataLoader from 'dataloader'

/** A question that takes longer, as on a connection that has died, does not keep the next one waiting. */
const PATIENCE_MS = 20

export function askTogether<Key, Value>(
  ask: (keys: readonly Key[]) => Promise<(Value | Error)[]>,
): (key: Key) => Promise<Value> {
  let before = Promise.resolve()
  const loader = new DataLoader<Key, Value>(
    (keys) => {
      loader.clearAll()
      const answers = ask(keys)
      before = settled(answers, PATIENCE_MS)
      return answers
    },
    { batchScheduleFn: (send) => void before.then(() => setImmediate(send)) },
  )
  return (key) => loader.load(key)
}

const settled = (work: Promise<unknown>, mostMs: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, mostMs)
    const end = () => {
      clearTimeout(timer)
      resolve()
    }
    work.then(end, end)
  })
