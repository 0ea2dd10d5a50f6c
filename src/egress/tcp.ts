/** A TCP connection that stands, or an error that says why not. */
import net from 'node:net'

/** Node's 250 ms for one of several addresses gives up on receivers at the other end of the world. */
export const ADDRESS_ATTEMPT_MS = 1000

/** The connection did not come about in time. */
export class ConnectTimeoutError extends Error {
  override readonly name = 'ConnectTimeoutError'
}

/**
 * Tries the addresses that `lookup` finds one after the other. Rejects with what `lookup` or the socket fails with, a
 * ConnectTimeoutError, or the signal's reason; neither signal nor time limit counts once it stands.
 */
export function openSocket(options: {
  host: string
  port: number
  lookup: net.LookupFunction
  /** Milliseconds for resolving and connecting together. */
  timeoutMs: number
  signal: AbortSignal
}): Promise<net.Socket> {
  const { host, port, lookup, timeoutMs, signal } = options
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const attempts = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: ADDRESS_ATTEMPT_MS }
    const socket = net.connect({ host, port, lookup, ...attempts })
    const timer = setTimeout(() => {
      socket.destroy(new ConnectTimeoutError(`${host} was not reached within ${timeoutMs} ms`))
    }, timeoutMs)
    // first: a reason need not be an error, and a socket wants one
    const abort = () => {
      reject(signal.reason)
      socket.destroy()
      settle()
    }
    const settle = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    }
    signal.addEventListener('abort', abort)
    socket.once('connect', () => {
      settle()
      resolve(socket)
    })
    // stays: whoever takes the socket over may be late with a listener, and an error without one ends the process
    socket.on('error', (error) => {
      settle()
      reject(error)
    })
  })
}
