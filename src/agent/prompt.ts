/** What an agent is told before the conversation: its task, and what the site's owner lets it know. Pure. */

/** Bytes of all that it is told of documents and tables. */
const CONTEXT_BYTES = 64 * 1024

export type KnownDocument = { key: string; value: unknown }
/** `rows` may be fewer than there are. */
export type KnownTable = { name: string; rows: readonly unknown[]; isWhole: boolean }

const CUT = '(More is left out here, as it would be too long.)'

/** Null: there is nothing to say. What does not fit is left out from the end, and it is said that it is. */
export function systemPrompt(
  instructions: string | null,
  { documents, tables }: { documents: readonly KnownDocument[]; tables: readonly KnownTable[] },
): string | null {
  let room = CONTEXT_BYTES
  /** The lines that there is room for. */
  function section(title: string, lines: string[], isWhole: boolean): string {
    const fitting: string[] = []
    for (const line of lines) {
      room -= Buffer.byteLength(line) + 1
      if (room < 0) break
      fitting.push(line)
    }
    const cut = isWhole && fitting.length === lines.length ? [] : [CUT]
    return [`## ${title}`, ...fitting, ...cut].join('\n')
  }
  const sections = [
    ...(documents.length > 0
      ? [
          section(
            'Documents (name: JSON)',
            documents.map(({ key, value }) => `${key}: ${JSON.stringify(value)}`),
            true,
          ),
        ]
      : []),
    ...tables.map(({ name, rows, isWhole }) =>
      section(
        `Table ${JSON.stringify(name)} (a row in JSON on each line)`,
        rows.map((row) => JSON.stringify(row)),
        isWhole,
      ),
    ),
  ]
  const context = sections.length > 0 ? [`# Data of the site\n\n${sections.join('\n\n')}`] : []
  return [...(instructions ? [instructions] : []), ...context].join('\n\n') || null
}
