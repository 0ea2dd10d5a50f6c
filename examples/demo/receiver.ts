/** Somebody's server that the demo's jobs call. It believes a call only if its signature is right. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'

export type Call = { path: string; body: unknown; verified: boolean }

export async function startReceiver(onCall: (call: Call) => void) {
  const secrets = new Map<string, string>()
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const path = request.url ?? '/'
    const verified = isSigned(text, request.headers as Record<string, string>, secrets.get(path))
    response.writeHead(verified ? 200 : 401).end(verified ? 'thank you' : 'who are you?')
    onCall({ path, body: JSON.parse(text), verified })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** From now on calls of this path must be signed with the secret. */
    trust: (path: string, secret: string) => secrets.set(path, secret),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function isSigned(text: string, headers: Record<string, string>, secret: string | undefined): boolean {
  if (secret === undefined) return false
  try {
    new Webhook(secret).verify(text, headers)
    return true
  } catch {
    return false
  }
}
