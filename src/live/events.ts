/**
 * What one part of the system tells the others, on this node and on all: only "look", never what there is to see, so
 * that a lost message costs time and nothing else. Writers send it inside their transaction, so nobody looks before the
 * commit.
 */
import { isUuid } from '../kernel/ids.ts'

export const TOPICS = ['jobs', 'queue', 'cancel', 'outbox', 'events', 'sites', 'artifacts'] as const

/** jobs: one shows something else, perhaps another next slot; queue: a run can be claimed; cancel: a run is to stop; outbox: an event waits; events: the log of runs grew; sites: what an address of a site stands for may have changed; artifacts: another version of one is live. */
export type Topic = (typeof TOPICS)[number]

/** `key`: the id (a bare UUID) of what changed; null: anything of the topic may have. On the wire `topic` or `topic:key`. */
export type Message = { topic: Topic; key: string | null }

export const CHANNEL = 'runsheet'

/** An expression of SQL that says the topics when the transaction commits; once per statement, as NOTIFY serialises commits. */
export const notifySql = (...topics: Topic[]): string => topics.map((topic) => `runsheet_tell('${topic}')`).join(', ')

/**
 * The same for one thing. `id`: SQL of type uuid, a column or a parameter. What a transaction sends twice arrives once.
 * It must stand where PostgreSQL evaluates it: in the final select or a subquery of it, not in a CTE that nobody reads.
 */
export const notifyOfSql = (topic: Topic, id: string): string => `runsheet_tell('${topic}:' || (${id})::uuid::text)`

/** Null: it is no message of ours. */
export function parseMessage(text: string): Message | null {
  const colon = text.indexOf(':')
  const [topic, key] = colon < 0 ? [text, null] : [text.slice(0, colon), text.slice(colon + 1)]
  if (!TOPICS.includes(topic as Topic) || !(key === null || isUuid(key))) return null
  return { topic: topic as Topic, key }
}
