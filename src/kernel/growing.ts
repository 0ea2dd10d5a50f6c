/**
 * Options of a cache of so many entries that takes memory for those that it has: told by `max`, it takes it for all of
 * them at once.
 */
export const growingTo = (entries: number) => ({ maxSize: entries, sizeCalculation: () => 1 })
