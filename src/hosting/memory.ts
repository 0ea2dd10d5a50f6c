/**
 * What addresses of sites stand for, kept for the next one who asks: only what anybody may see, and never longer than it
 * is true. Whoever changes a site says so, here before they answer and to the other nodes in their transaction; then all
 * is forgotten, and what was being read at that moment is told to those who wait for it but not kept.
 */
import { LRUCache } from 'lru-cache'
import type { Site } from '../artifacts/sites.ts'
import type { Bus } from '../live/bus.ts'
import type { Form } from './form.ts'

/** An answer that can be sent again as it is. `head`: names and values of its headers, in turns. */
type Ready = { form: Form; head: readonly string[] }

/** `ready`: what was sent of it, by what was asked for besides its address. */
export type Known = { site: Site; since: number; ready: Map<string, Ready> }

export type SiteMemory = ReturnType<typeof createSiteMemory>

/** Milliseconds; in case that a word is lost without anybody's noticing that the bus was away. */
const TRUST_MS = 5_000
/** Milliseconds, while nobody can be told of changes. */
const TRUST_WITHOUT_BUS_MS = 1_000
/** Of an entry beside its key, roughly. */
const ENTRY_BYTES = 2_048

type Answer = Known | 'PRIVATE' | null

export function createSiteMemory({ bytes, bus, now = () => performance.now() }: SiteMemoryOptions) {
  const known = new LRUCache<string, Known>({
    maxSize: Math.max(1, bytes),
    sizeCalculation: (_entry, key) => ENTRY_BYTES + 2 * key.length,
  })
  let underWay = new Map<string, Promise<Answer>>()

  function changed() {
    known.clear()
    underWay = new Map()
  }
  bus.subscribe('sites', changed)

  const isTrusted = ({ since }: Known) => now() - since < (bus.isAway() ? TRUST_WITHOUT_BUS_MS : TRUST_MS)

  return {
    /** Something about some site changed: called when that is committed, before whoever did it is told so. */
    changed,

    /** What is known and can be trusted. */
    peek(key: string): Known | undefined {
      const entry = known.get(key)
      return entry && isTrusted(entry) ? entry : undefined
    },

    /** Asks `load` unless it is known; once, however many ask at the same time. */
    resolve(key: string, load: () => Promise<Site | 'PRIVATE' | null>): Promise<Answer> {
      const entry = known.get(key)
      if (entry && isTrusted(entry)) return Promise.resolve(entry)
      const asking = underWay.get(key)
      if (asking) return asking
      const era = underWay
      const since = now()
      const answer = load()
        .then((site): Answer => {
          if (site === null || site === 'PRIVATE') return site
          const fresh = { site, since, ready: new Map() }
          if (era === underWay) known.set(key, fresh)
          return fresh
        })
        .finally(() => era.delete(key))
      era.set(key, answer)
      return answer
    },
  }
}

type SiteMemoryOptions = {
  /** What it may take up, roughly; 0: nothing is kept. */
  bytes: number
  bus: Pick<Bus, 'subscribe' | 'isAway'>
  /** Milliseconds of a clock that only goes forward. */
  now?: () => number
}
