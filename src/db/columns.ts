/** Rows by SQL of our own that read as those of Prisma do. */

/** `nextRunAt` → `next_run_at`. */
export const columnOf = (field: string): string => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** `nextRunAt` → `j.next_run_at as "nextRunAt"`, of each; the fields are names of the model, never a client's. */
export const columnsOf = (table: string, fields: readonly string[]): string =>
  fields.map((field) => `${table}.${columnOf(field)} as "${field}"`).join(', ')

/**
 * Which fields are read: those that are wanted, and those without which nothing can be told of the row. In the order of
 * the model, so that the same fields are the same statement. Null: all.
 */
export function fieldsOf<Field extends string>(
  model: Record<string, Field>,
  wanted: ReadonlySet<string> | null,
  always: readonly Field[],
): Field[] {
  const all = Object.values(model)
  return wanted === null ? all : all.filter((field) => wanted.has(field) || always.includes(field))
}

/** The same as one value of JSON, for rows that come beside others. Instants are texts in it: see `instantsIn`. */
export const jsonOf = (table: string, fields: readonly string[]): string =>
  `json_build_object(${fields.map((field) => `'${field}', ${table}.${columnOf(field)}`).join(', ')})`

/** The fields of a row that are instants. */
export type InstantOf<Row> = { [Field in keyof Row]-?: Date extends Row[Field] ? Field : never }[keyof Row]

/** Makes instants of the texts that JSON has for them. */
export function instantsIn<Row extends object>(row: Row, instants: Record<InstantOf<Row>, true>): void {
  const values = row as Record<string, unknown>
  for (const field in instants) {
    const text = values[field]
    if (typeof text === 'string') values[field] = new Date(text)
  }
}
