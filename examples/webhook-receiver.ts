/**
 * A server that jobs call, and that believes only what its job has signed (Standard Webhooks). A call that was retried
 * has the same `webhook-id`, so that what is done already is not done again.
 *
 *     WEBHOOK_SECRET=whsec_… PORT=4001 node --import tsx examples/webhook-receiver.ts
 *
 * The secret is the job's: `{ job(id: "job_…") { signingSecret } }`. The server must be allowed to call this machine:
 * `EGRESS_ALLOW_CIDRS=127.0.0.0/8 npm start`.
 */
import { createServer, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { Webhook } from 'standardwebhooks'

const { WEBHOOK_SECRET = '', PORT = '4001' } = process.env
const webhook = new Webhook(WEBHOOK_SECRET)

/** A program with a database keeps them there, with what it does, in one transaction. */
const done = new Set<string>()

type Call = { type: string; run: { id: string; trigger: string; attempt: number; job: { name: string | null } } }

/** Throws when the signature is wrong or older than five minutes. */
async function callOf(request: IncomingMessage): Promise<Call> {
  // As it was sent: parsed and written again, it would have another signature.
  const body = await text(request)
  return webhook.verify(body, request.headers as Record<string, string>) as Call
}

const server = createServer(async (request, response) => {
  try {
    const { run } = await callOf(request)
    const id = String(request.headers['webhook-id'])
    const isRepeat = done.has(id)
    done.add(id)
    console.log(`${run.job.name}: ${run.id}, attempt ${run.attempt}${isRepeat ? ', once more' : ''}`)
    response.writeHead(200).end('thank you')
  } catch (error) {
    console.log(`refused: ${(error as Error).message}`)
    response.writeHead(401).end('who are you?')
  }
})
server.listen(Number(PORT), '127.0.0.1', () => console.log(`listening at http://127.0.0.1:${PORT}`))
