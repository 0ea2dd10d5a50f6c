/** Signing of outgoing calls by the Standard Webhooks specification, symmetric scheme (`v1`). */
import { createHmac } from 'node:crypto'
import { drawBytes } from '../kernel/random.ts'

const PREFIX = 'whsec_'
const SECRET_BYTES = 24

/** How long the secret before a rotation signs beside the new one. */
export const ROTATION_HOURS = 24

/** `whsec_` and 24 random bytes in base64. */
export const newSigningSecret = (): string => PREFIX + drawBytes(SECRET_BYTES).toString('base64')

/**
 * The value of `webhook-signature`: one `v1,…` for each secret, separated by blanks, so that during a rotation a receiver
 * may hold the old secret or the new one. `timestamp` counts in whole seconds, as the header `webhook-timestamp` does.
 */
export function sign(secrets: readonly string[], id: string, timestamp: Date, body: Buffer | string): string {
  return secrets
    .map((secret) => {
      const key = Buffer.from(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret, 'base64')
      return `v1,${createHmac('sha256', key)
        .update(`${id}.${seconds(timestamp)}.`)
        .update(body)
        .digest('base64')}`
    })
    .join(' ')
}

/** `msg_` + the run's hex digits + the step's position: the same at every attempt, so that a receiver can drop a repeat. */
export const messageId = (runId: string, position: number): string => `msg_${runId.replaceAll('-', '')}_${position}`

/** The three headers that every call carries; without a secret there is no signature. */
export function signedHeaders(secrets: readonly string[], id: string, timestamp: Date, body: Buffer | string) {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds(timestamp)),
    ...(secrets.length > 0 && { 'webhook-signature': sign(secrets, id, timestamp, body) }),
  }
}

const seconds = (time: Date) => Math.floor(time.getTime() / 1000)
