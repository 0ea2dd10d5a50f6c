/**
 * A model behind an OpenAI-compatible API. An answer comes in pieces as the model makes it; whoever stops taking them, or
 * aborts, ends the call. What the API says of errors is for the operator's log, as it may name their account.
 */
import { createParser } from 'eventsource-parser'
import { z } from 'zod'
import type { Egress } from '../egress/egress.ts'
import type { Log } from '../kernel/log.ts'
import { ModelError } from './errors.ts'
import type { Message } from './spec.ts'

/** Milliseconds of a whole answer, and of a silence within it. */
const ANSWER_MS = 300_000
const SILENCE_MS = 60_000
/** Bytes of an answer as it is sent to us. */
const ANSWER_BYTES = 8 * 1024 * 1024
/** Characters of what the API says of an error that are logged. */
const EXCERPT = 500

export type ModelRequest = {
  model: string
  messages: ({ role: 'system'; content: string } | Message)[]
  maxTokens: number
  temperature: number
}

/** Rejects with a ModelError, or with the signal's reason. */
export type Model = (request: ModelRequest, signal: AbortSignal) => AsyncGenerator<string>

export type ModelOptions = {
  egress: Pick<Egress, 'request'>
  baseUrl: string
  /** Null: it asks for none. */
  apiKey: string | null
  log: Pick<Log, 'warn'>
  /** Milliseconds. */
  silenceMs?: number
}

const chunkSpec = z.object({
  choices: z.array(
    z.object({
      delta: z.object({ content: z.string().nullish() }).nullish(),
      finish_reason: z.string().nullish(),
    }),
  ),
})

export function createModel({ egress, baseUrl, apiKey, log, silenceMs = SILENCE_MS }: ModelOptions): Model {
  const url = `${baseUrl.replace(/\/+$/, '')}/chat/completions`

  async function call({ model, messages, maxTokens, temperature }: ModelRequest, signal: AbortSignal) {
    const body = { model, messages, max_tokens: maxTokens, temperature, stream: true }
    const headers = {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      ...(apiKey !== null && { authorization: `Bearer ${apiKey}` }),
    }
    const answer = await egress.request(url, {
      method: 'POST',
      headers,
      body: Buffer.from(JSON.stringify(body)),
      signal,
    })
    if (answer.statusCode === 200) return answer.body
    const excerpt = await answer.body.text().catch(() => '')
    log.warn({ status: answer.statusCode, answer: excerpt.slice(0, EXCERPT) }, 'the model of an agent refused')
    throw new ModelError(`the model answered with status ${answer.statusCode}`)
  }

  return async function* answer(request, signal) {
    const silence = new AbortController()
    const limits = AbortSignal.any([signal, silence.signal, AbortSignal.timeout(ANSWER_MS)])
    let timer = setTimeout(() => silence.abort(), silenceMs)
    try {
      const reader = createReader()
      const decoder = new TextDecoder()
      let bytes = 0
      for await (const chunk of (await call(request, limits)) as AsyncIterable<Buffer>) {
        clearTimeout(timer)
        bytes += chunk.length
        if (bytes > ANSWER_BYTES) throw new ModelError('the answer of the model is too long')
        yield* reader.read(decoder.decode(chunk, { stream: true }))
        if (reader.isDone()) return
        timer = setTimeout(() => silence.abort(), silenceMs)
      }
      throw new ModelError('the answer of the model was cut off')
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof ModelError) throw error
      log.warn({ err: error }, 'the model of an agent could not be asked')
      throw new ModelError(limits.aborted ? 'the model took too long' : 'the model could not be reached')
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Pieces of text from a stream that may be split anywhere. */
function createReader() {
  let pieces: string[] = []
  let done = false
  const parser = createParser({
    onEvent({ data }) {
      if (done) return
      if (data === '[DONE]') {
        done = true
        return
      }
      const chunk = parseChunk(data)
      const [choice] = chunk.choices
      if (choice?.delta?.content) pieces.push(choice.delta.content)
      if (choice?.finish_reason) done = true
    },
  })
  return {
    isDone: () => done,
    read(text: string): string[] {
      parser.feed(text)
      const read = pieces
      pieces = []
      return read
    },
  }
}

function parseChunk(data: string): z.output<typeof chunkSpec> {
  try {
    return chunkSpec.parse(JSON.parse(data))
  } catch {
    throw new ModelError('the answer of the model could not be read')
  }
}
