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
/** A Redis that leaves a question open for so long is away, though the connection stands: frozen, or cut off without a word. */
const SILENCE_MS = 5_000
/** Transactions whose messages are under way; those beyond are made up for later, so that a slow Redis takes no memory. */
const MOST_UNDER_WAY = 1_000
/** Between the messages of one transaction. */
const SEPARATOR = ' '

export type RedisBus = Bus & {
  /** Says what a transaction has said, after it. Never throws, and nothing waits for it. */
  tell(messages: string[]): void
}

export async function openRedisBus(
  url: string,
  log: Log,
  { silenceMs = SILENCE_MS }: { silenceMs?: number } = {},
): Promise<RedisBus> {
  const local = createLocalBus((error) => log.error({ err: error }, 'a listener of the live bus failed'))
  const connect = () =>
    new Redis(url, {
      connectTimeout: CONNECT_MS,
      socketTimeout: silenceMs,
      enableOfflineQueue: false,
      keepAlive: CONNECT_MS,
      maxRetriesPerRequest: 0,
      autoResubscribe: false,
      retryStrategy: (times) => Math.min(FIRST_DELAY_MS * 2 ** (times - 1), LONGEST_DELAY_MS),
    })
  const listener = connect()
  const speaker = connect()
  let isListening = false
  let isClosed = false
  let underWay = 0
  /** Something was said that the others may not have heard. */
  let hasMissed = false
  let reason = ''

  const hear = (text: string) => {
    for (const each of text.split(SEPARATOR)) {
      const message = parseMessage(each)
      if (message) local.publish(message.topic, message.key)
    }
  }
  listener.on('message', (_channel, text: string) => hear(text))
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
  speaker.on('ready', makeUp)
  for (const each of [listener, speaker]) {
    // Said once an outage, by `close`. The address, which may hold a password, is not in it.
    each.on('error', ({ message }) => {
      reason = message
      log.debug({ reason }, 'Redis')
    })
  }
  // The question that has to be answered, where there is nothing else to say.
  const asking = setInterval(() => {
    for (const each of [listener, speaker]) if (each.status === 'ready') each.ping().catch(() => {})
  }, silenceMs / 2)
  asking.unref()

  function makeUp() {
    if (!hasMissed) return
    hasMissed = false
    say(TOPICS.join(SEPARATOR))
  }

  function say(text: string) {
    if (underWay >= MOST_UNDER_WAY) return miss(text)
    underWay++
    speaker.publish(CHANNEL, text).then(
      () => {
        underWay--
        if (underWay === 0) makeUp()
      },
      () => {
        underWay--
        miss(text)
      },
    )
  }

  function miss(text: string) {
    hasMissed = true
    if (!isClosed) hear(text)
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
  if (!isReady()) log.warn({ reason }, 'Redis (REDIS_URL) cannot be reached; trying again')

  return {
    subscribe: local.subscribe,
    isAway: () => !isListening,
    tell: (messages) => say(messages.join(SEPARATOR)),
    async close() {
      isClosed = true
      clearInterval(asking)
      await local.close()
      listener.disconnect()
      // What was said last still goes out.
      await speaker.quit().catch(() => speaker.disconnect())
    },
  }
}
