/** Carries topics between the parts of a node and, in the adapters, between nodes. */
import { TOPICS, type Topic } from './events.ts'

export type Bus = {
  /** Calls `listener` whenever somebody says so, and after every outage, as something may have been missed. The answer ends it. */
  subscribe(topic: Topic, listener: () => void): () => void
  /** Whether nothing can be heard at the moment. A loss without a word is noticed some seconds late. */
  isAway(): boolean
  close(): Promise<void>
}

export type LocalBus = Bus & { publish(topic: Topic): void; publishAll(): void }

export function createLocalBus(): LocalBus {
  const listeners = new Map<Topic, Set<() => void>>(TOPICS.map((topic) => [topic, new Set()]))
  const bus: LocalBus = {
    subscribe(topic, listener) {
      listeners.get(topic)?.add(listener)
      return () => listeners.get(topic)?.delete(listener)
    },
    isAway: () => false,
    publish(topic) {
      for (const listener of listeners.get(topic) ?? []) listener()
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
