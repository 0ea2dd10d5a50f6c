/**
 * Answers that are ready are sent at the end of the turn of the event loop, one right after the other: a client that waits
 * is woken up by the first, and is awake when the others come. Waking it up for each costs more than answering.
 */
import type { ServerResponse } from 'node:http'

export function createTurn() {
  let waiting: { response: ServerResponse; content: Buffer | string }[] = []

  function send() {
    const answers = waiting
    waiting = []
    for (const { response, content } of answers) response.end(content)
  }

  return {
    /** The head has been written. */
    end(response: ServerResponse, content: Buffer | string): void {
      if (waiting.push({ response, content }) === 1) setImmediate(send)
    },
  }
}
