/**
 * The short way: what was sent of a public site as a whole, small and with status 200, is sent again from memory, with
 * the same headers and without asking anybody. Whatever else is asked for goes the long way.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { LRUCache } from 'lru-cache'
import type { SiteFile } from './asked.ts'
import { type Encoding, encodingOf } from './encodings.ts'
import type { Sent } from './file.ts'
import { keyOf } from './find.ts'
import type { Forms } from './forms.ts'
import type { Known, SiteMemory } from './memory.ts'
import { createTurn } from './turn.ts'

/** Values of `Accept-Encoding` whose meaning is remembered, and how long one may be. */
const MEANINGS = 200
const MEANING_LIMIT = 200

export function createReady({ memory, forms }: { memory: Pick<SiteMemory, 'peek'>; forms: Pick<Forms, 'atHand'> }) {
  const turn = createTurn()
  const meanings = new LRUCache<string, { encoding: Encoding | null }>({ max: MEANINGS })

  /** Two origins and three encodings: there are few of them. */
  function nameOf({ headers }: IncomingMessage, { shared }: SiteFile): string {
    const given = headers['accept-encoding'] ?? ''
    let meaning = meanings.get(given)
    if (!meaning) {
      meaning = { encoding: encodingOf(given) }
      if (given.length <= MEANING_LIMIT) meanings.set(given, meaning)
    }
    return `${shared ? 'shared' : 'own'} ${meaning.encoding ?? ''}`
  }

  return {
    keep(request: IncomingMessage, asked: SiteFile, known: Known, sent: Sent): void {
      const head = Object.entries(sent.headers).flatMap(([name, value]) => [name, String(value)])
      known.ready.set(nameOf(request, asked), { form: sent.form, head })
    },

    /** What it has sent; null: it is not ready, and nothing was done. */
    send(request: IncomingMessage, response: ServerResponse, asked: SiteFile, requestId: string): Known | null {
      const { method, headers } = request
      if (method !== 'GET' || headers.range !== undefined || headers['if-none-match'] !== undefined) return null
      const known = memory.peek(keyOf(asked))
      const ready = known?.ready.get(nameOf(request, asked))
      const content = ready && forms.atHand(ready.form)
      if (!known || !ready || !content) return null
      response.writeHead(200, [...ready.head, 'x-request-id', requestId])
      turn.end(response, content)
      return known
    },
  }
}
