/**
 * Keeps the `limit` values asked for last. `make` must be pure, so that forgetting costs time and changes nothing; what
 * it answers with null or an error is not kept.
 */
export function createCache<T extends object>(limit: number) {
  const entries = new Map<string, T>()

  return <R extends T | null>(key: string, make: () => R): T | R => {
    const value = entries.get(key) ?? make()
    if (value === null) return value
    entries.delete(key)
    entries.set(key, value)
    for (const oldest of entries.keys()) {
      if (entries.size <= limit) break
      entries.delete(oldest)
    }
    return value
  }
}
