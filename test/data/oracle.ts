/** What a filter means, in a few lines of JavaScript. */
import { isDeepStrictEqual } from 'node:util'

export type Row = Record<string, unknown>

const valueAt = (row: Row, field: string): unknown =>
  field
    .replace(/^\$data\./, '')
    .split('.')
    .reduce<unknown>((value, key) => {
      const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
      return isObject && Object.hasOwn(value, key) ? (value as Row)[key] : undefined
    }, row) ?? null

const byCodePoint = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))

function compared(value: unknown, operand: unknown, test: (order: number) => boolean): boolean {
  if (typeof value === 'number' && typeof operand === 'number') return test(value - operand)
  return typeof value === 'string' && typeof operand === 'string' && test(byCodePoint(value, operand))
}

const same = (a: unknown, b: unknown) => isDeepStrictEqual(a === 0 ? 0 : a, b === 0 ? 0 : b)

const OPERATORS: Record<string, (value: unknown, operand: never) => boolean> = {
  $eq: same,
  $ne: (value, operand) => !same(value, operand),
  $in: (value, operand: unknown[]) => operand.some((each) => same(value, each)),
  $nin: (value, operand: unknown[]) => !operand.some((each) => same(value, each)),
  $gt: (value, operand) => compared(value, operand, (order) => order > 0),
  $gte: (value, operand) => compared(value, operand, (order) => order >= 0),
  $lt: (value, operand) => compared(value, operand, (order) => order < 0),
  $lte: (value, operand) => compared(value, operand, (order) => order <= 0),
  $contains: (value, operand: unknown) =>
    Array.isArray(value)
      ? value.some((each) => same(each, operand))
      : typeof value === 'string' && typeof operand === 'string' && value.includes(operand),
  $startsWith: (value, operand: string) => typeof value === 'string' && value.startsWith(operand),
  $endsWith: (value, operand: string) => typeof value === 'string' && value.endsWith(operand),
}

export function matches(row: Row, filter: Row): boolean {
  return Object.entries(filter).every(([key, value]) => {
    if (key === '$and') return (value as Row[]).every((each) => matches(row, each))
    if (key === '$or') return (value as Row[]).some((each) => matches(row, each))
    if (key === '$not') return !matches(row, value as Row)
    const isOperations = typeof value === 'object' && value !== null && Object.keys(value)[0]?.startsWith('$')
    const operations = isOperations ? (value as Row) : { $eq: value }
    return Object.entries(operations).every(([operator, operand]) =>
      OPERATORS[operator]?.(valueAt(row, key), operand as never),
    )
  })
}
