/**
 * Fields that are loaded for many parents at once. Nothing is remembered: a subscription's context lives for days, and
 * what it shows of each event must be fresh.
 */
import DataLoader from 'dataloader'

const loaders = new WeakMap<object, Map<string, DataLoader<never, unknown>>>()

/** Loads `key` together with all others that this operation asks of the same `name` in the same turn. */
export function loadBatched<Key, Value>(
  context: object,
  name: string,
  key: Key,
  load: (keys: readonly Key[]) => Promise<readonly Value[]>,
): Promise<Value> {
  const own = loaders.get(context) ?? new Map<string, DataLoader<never, unknown>>()
  loaders.set(context, own)
  const loader = (own.get(name) as DataLoader<Key, Value> | undefined) ?? new DataLoader(load, { cache: false })
  own.set(name, loader as DataLoader<never, unknown>)
  return loader.load(key)
}

/** The rows of each parent, in the order in which they come. */
export function grouped<Row>(keys: readonly string[], rows: readonly Row[], keyOf: (row: Row) => string): Row[][] {
  const groups = new Map(keys.map((key) => [key, [] as Row[]]))
  for (const row of rows) groups.get(keyOf(row))?.push(row)
  return keys.map((key) => groups.get(key) ?? [])
}
