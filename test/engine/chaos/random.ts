/** Chance that can be repeated: the same seed says the same (mulberry32). */
export type Random = {
  /** From [0, 1). */
  next(): number
  /** From [from, to). */
  between(from: number, to: number): number
  pick<Item>(items: readonly Item[]): Item
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0
  function next() {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    next,
    between: (from, to) => from + next() * (to - from),
    pick<Item>(items: readonly Item[]) {
      return items[Math.floor(next() * items.length)] as Item
    },
  }
}
