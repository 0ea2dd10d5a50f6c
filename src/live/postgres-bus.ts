/** The bus over LISTEN/NOTIFY, on one connection of its own that is opened again, with back-off, whenever it is lost. */
import pg from 'pg'
import type { Log } from '../kernel/log.ts'
import { type Bus, createLocalBus } from './bus.ts'
import { CHANNEL, parseMessage } from './events.ts'

const FIRST_DELAY_MS = 100
const LONGEST_DELAY_MS = 5_000

export async function openPostgresBus(connection: pg.ClientConfig, log: Log): Promise<Bus> {
  const local = createLocalBus((error) => log.error({ err: error }, 'a listener of the live bus failed'))
  let client: pg.Client | undefined
  let closed = false
  let retry: NodeJS.Timeout | undefined
  let listening: Promise<void> | undefined

  async function listen() {
    const next = new pg.Client({ ...connection, keepAlive: true })
    next.on('notification', ({ payload = '' }) => {
      const message = parseMessage(payload)
      if (message) local.publish(message.topic, message.key)
    })
    next.on('error', () => next.end().catch(() => {}))
    next.once('end', () => {
      if (client !== next) return
      client = undefined
      if (!closed) reconnect(FIRST_DELAY_MS)
    })
    try {
      await next.connect()
      await next.query(`listen ${CHANNEL}`)
    } catch (error) {
      await next.end().catch(() => {})
      throw error
    }
    client = next
    if (closed) await next.end()
  }

  function reconnect(delay: number) {
    log.warn('live bus lost its connection; trying again')
    retry = setTimeout(() => {
      listening = listen().then(
        () => local.publishAll(),
        () => {
          if (!closed) reconnect(Math.min(delay * 2, LONGEST_DELAY_MS))
        },
      )
    }, delay)
  }

  await listen()
  return {
    subscribe: local.subscribe,
    isAway: () => client === undefined,
    async close() {
      closed = true
      clearTimeout(retry)
      await local.close()
      await listening
      await client?.end()
    },
  }
}
