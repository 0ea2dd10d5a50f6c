/** How long operations take, whatever transport they come by. */
import { type ExecutionArgs, getOperationAST, type OperationTypeNode } from 'graphql'
import type { Plugin } from 'graphql-yoga'

export type OperationTimer = (type: `${OperationTypeNode}`, seconds: number) => void

export type Stopwatch = ReturnType<typeof createStopwatch>

/** Begins to time an operation; what it gives ends that. */
export const createStopwatch =
  (timer: OperationTimer) =>
  ({ document, operationName }: Pick<ExecutionArgs, 'document' | 'operationName'>) => {
    const started = performance.now()
    const type = getOperationAST(document, operationName)?.operation
    return () => type && timer(type, (performance.now() - started) / 1000)
  }

/** A subscription has taken its time when its stream begins. */
export function timeOperations(begin: Stopwatch): Plugin {
  return {
    onExecute({ args }) {
      const end = begin(args)
      return { onExecuteDone: end }
    },
    onSubscribe({ args }) {
      const end = begin(args)
      return { onSubscribeResult: end }
    },
  }
}
