/** What happened, to be read by people: ids have short names, and only the end of a long history is kept. */
const KEPT = 2_000
const WIDTH = 220

type Line = { at: number; who: string; what: string; more: unknown }

export function createTrace() {
  const lines: Line[] = []
  let count = 0
  return {
    add(at: number, who: string, what: string, more?: unknown) {
      count++
      lines.push({ at, who, what, more })
      if (lines.length > 2 * KEPT) lines.splice(0, lines.length - KEPT)
    },
    count: () => count,
    /** The last lines, ids named in the order in which they appear. */
    text(): string[] {
      const names = new Map<string, string>()
      return lines.map(({ at, who, what, more }) => {
        const detail = more === undefined ? '' : ` ${JSON.stringify(more, shorten)}`
        const line = `${(at / 1000).toFixed(4).padStart(9)}  ${who.padEnd(9)} ${what}${detail}`
        return line
          .replace(UUID, (id) => {
            const name = names.get(id) ?? `#${names.size + 1}`
            names.set(id, name)
            return name
          })
          .slice(0, WIDTH)
      })
    },
  }
}

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

function shorten(key: string, value: unknown): unknown {
  return key === 'plan' || key === 'deliveries' || value === null ? undefined : value
}
