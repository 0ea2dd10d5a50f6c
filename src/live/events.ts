/**
 * What one part of the system tells the others, on this node and on all: only "look", never what there is to see, so
 * that a lost message costs time and nothing else. Writers send it inside their transaction (`notify`), so nobody looks
 * before the commit.
 */
export const TOPICS = ['jobs', 'queue', 'cancel', 'outbox', 'events', 'sites'] as const

/** jobs: a next slot changed; queue: a run can be claimed; cancel: a run is to stop; outbox: an event waits; events: the log of runs grew; sites: what an address of a site stands for may have changed. */
export type Topic = (typeof TOPICS)[number]

export const CHANNEL = 'runsheet'

/** An expression of SQL that sends the topics when the transaction commits; once per statement, as NOTIFY serialises commits. */
export const notifySql = (...topics: Topic[]): string =>
  topics.map((topic) => `pg_notify('${CHANNEL}', '${topic}')`).join(', ')
