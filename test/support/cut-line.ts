/** A line to a server that can be cut: whoever is connected through it loses the connection, and may come back. */
import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** Ends with the test. */
export async function startLine(to: string) {
  const { hostname, port } = new URL(to)
  const open = new Set<Socket>()
  const line = { url: '', connections: 0, cut: () => open.forEach((socket) => void socket.destroy()) }
  const server = net.createServer((near) => {
    const far = net.connect(Number(port), hostname)
    line.connections++
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from)
      from.on('error', () => {})
      from.on('close', () => {
        open.delete(from)
        into.destroy()
      })
      from.pipe(into)
    }
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  line.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  onTestFinished(() => {
    line.cut()
    return new Promise<void>((resolve) => void server.close(() => resolve()))
  })
  return line
}
