/**
 * The bus over Redis or Valkey, for those who have many nodes: NOTIFY lets one transaction commit at a time, and poolers
 * do not pass LISTEN on. Redis keeps nothing, so whatever may have been missed, on either side of an outage, is made up
 * for by telling everybody to look. Without Redis a node still hears itself.
 */
import { Redis } from 'ioredis'
import type { Log } from '../kernel/log.ts'
import { type Bus, createLocalBus } from './bus.ts'
import { CHANNEL, parseMessage, TOPICS } from './events.ts'

const FIRST_DELAY_MS = 100
const LONGEST_DELAY_MS = 5_000
const CONNECT_MS = 5_000
/** So long it waits, at the start, for a Redis that may be away. */
const PATIENCE_MS = 2_000

export type RedisBus = Bus & {
  /** Says what a transaction has said, after it. Never throws, and nothing waits for it. */
  tell(messages: string[]): void
}

export async function openRedisBus(url: string, log: Log): Promise<RedisBus> {
  const local = createLocalBus()
  const connect = () =>
    new Redis(url, {
      connectTimeout: CONNECT_MS,
      commandTimeout: CONNECT_MS,
      enableOfflineQueue: false,
      keepAlive: CONNECT_MS,
      maxRetriesPerRequest: 0,
      autoResubscribe: false,
      retryStrategy: (times) => Math.min(FIRST_DELAY_MS * 2 ** (times - 1), LONGEST_DELAY_MS),
    })
  const listener = connect()
  const speaker = connect()
  let isListening = false
  let hasFailed = false
  let isClosed = false

  listener.on('message', (_channel, text: string) => {
    const message = parseMessage(text)
    if (message) local.publish(message.topic, message.key)
  })
  listener.on('ready', () => {
    listener.subscribe(CHANNEL).then(
      () => {
        isListening = true
        local.publishAll()
      },
      // The connection was lost again; the next one subscribes.
      () => {},
    )
  })
  listener.on('close', () => {
    if (isListening && !isClosed) log.warn('live bus lost Redis; trying again')
    isListening = false
  })
  speaker.on('ready', () => {
    if (hasFailed) tell([...TOPICS])
  })
  // Said once an outage, by `close`; the address may hold a password.
  for (const each of [listener, speaker]) each.on('error', ({ message }) => log.debug({ reason: message }, 'Redis'))

  function tell(messages: string[]) {
    for (const text of messages) {
      speaker.publish(CHANNEL, text).then(
        () => {
          hasFailed = false
        },
        () => {
          hasFailed = true
          const message = parseMessage(text)
          if (message && !isClosed) local.publish(message.topic, message.key)
        },
      )
    }
  }

  const isReady = () => isListening && speaker.status === 'ready'
  await new Promise<void>((resolve) => {
    const patience = setTimeout(resolve, PATIENCE_MS)
    const look = () => {
      if (!isReady()) return
      clearTimeout(patience)
      leave()
      resolve()
    }
    const leave = local.subscribe('events', look)
    speaker.on('ready', look)
  })
  if (!isReady()) log.warn('Redis (REDIS_URL) cannot be reached; trying again')

  return {
    subscribe: local.subscribe,
    isAway: () => !isListening,
    tell,
    async close() {
      isClosed = true
      await local.close()
      listener.disconnect()
      // What was said last still goes out.
      await speaker.quit().catch(() => speaker.disconnect())
    },
  }
}
