/**
 * Watches every run over Server-Sent Events with nothing but `fetch` and a parser. The id of each event is its cursor:
 * sent back as `Last-Event-ID`, as browsers do, the stream goes on behind it. Ctrl-C ends it.
 *
 *     RUNSHEET_TOKEN=$(cat .runsheet/admin-token) node --import tsx examples/sse.ts
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { EventSourceParserStream } from 'eventsource-parser/stream'

const { RUNSHEET_URL = 'http://localhost:4000', RUNSHEET_TOKEN } = process.env
const AGAIN_MS = 1_000

const query = 'subscription { runEvents { __typename seq run { id job { displayName } } } }'
const search = new URLSearchParams({ query })
const headers: Record<string, string> = {
  accept: 'text/event-stream',
  authorization: `Bearer ${RUNSHEET_TOKEN}`,
  // The start of the log, and in time the last event that was seen.
  'last-event-id': '0',
}

type Message = {
  data?: { runEvents: { __typename: string; seq: number; run: { id: string; job: { displayName: string } } } }
  errors?: unknown
}

async function follow() {
  const response = await fetch(`${RUNSHEET_URL}/graphql?${search}`, { headers })
  if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`)
  console.log('— connected')
  const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
  for await (const { event, id, data: text } of events) {
    if (event !== 'next') continue
    const { data, errors } = JSON.parse(text) as Message
    if (!data) throw new Error(JSON.stringify(errors))
    const { __typename, seq, run } = data.runEvents
    console.log(`${id} ${run.job.displayName} ${run.id} ${seq} ${__typename}`)
    if (id) headers['last-event-id'] = id
  }
}

for (;;) {
  await follow().catch((error: Error) => console.log(`— disconnected: ${error.message}`))
  await sleep(AGAIN_MS)
}
