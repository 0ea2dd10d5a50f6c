/** Chance from a seed: the same seed, the same draws. Streams with names of their own do not disturb each other. */
export type Random = ReturnType<typeof createRandom>

export function createRandom(seed: string) {
  let [a, b, c, d] = hash(seed)

  /** sfc32. From [0, 1). */
  function next(): number {
    const sum = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }
  for (let warmUp = 0; warmUp < 12; warmUp++) next()

  const between = (low: number, high: number) => low + next() * (high - low)
  return {
    next,
    between,
    /** Whole, both ends included. */
    int: (low: number, high: number) => Math.floor(between(low, high + 1)),
    chance: (probability: number) => next() < probability,
    pick: <Item>(items: readonly Item[]): Item => items[Math.floor(next() * items.length)] as Item,
    stream: (name: string) => createRandom(`${seed}/${name}`),
  }
}

function hash(text: string): [number, number, number, number] {
  const state = [1779033703, 3144134277, 1013904242, 2773480762]
  for (const char of text) {
    for (const [index, word] of state.entries()) {
      const mixed = Math.imul(word ^ (char.codePointAt(0) ?? 0), 597399067 + index * 2246822)
      state[index] = mixed ^ (mixed >>> 15)
    }
  }
  return state as [number, number, number, number]
}
