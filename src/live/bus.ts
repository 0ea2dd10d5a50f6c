/** Carries topics between the parts of a node and, in the adapters, between nodes. */
import { TOPICS, type Topic } from './events.ts'

/** `key`: the id of what changed; null: anything of the topic may have, as after an outage. */
type Listener = (key: string | null) => void

export type Bus = {
  /** Calls `listener` whenever somebody says so, and after every outage, as something may have been missed. The answer ends it. */
  subscribe(topic: Topic, listener: Listener): () => void
  /** Whether nothing can be heard at the moment. A loss without a word is noticed some seconds late. */
  isAway(): boolean
  close(): Promise<void>
}

export type LocalBus = Bus & { publish(topic: Topic, key?: string | null): void; publishAll(): void }

/** `onFault` is told of a listener that throws, which keeps no other from hearing. */
export function createLocalBus(onFault: (error: unknown) => void = throwLater): LocalBus {
  const listeners = new Map<Topic, Set<Listener>>(TOPICS.map((topic) => [topic, new Set()]))
  const bus: LocalBus = {
    subscribe(topic, listener) {
      listeners.get(topic)?.add(listener)
      return () => listeners.get(topic)?.delete(listener)
    },
    isAway: () => false,
    publish(topic, key = null) {
      for (const listener of listeners.get(topic) ?? []) {
        try {
          listener(key)
        } catch (error) {
          onFault(error)
        }
      }
    },
    publishAll() {
      for (const topic of TOPICS) bus.publish(topic)
    },
    async close() {
      for (const each of listeners.values()) each.clear()
    },
  }
  return bus
}

const throwLater = (error: unknown) =>
  queueMicrotask(() => {
    throw error
  })
