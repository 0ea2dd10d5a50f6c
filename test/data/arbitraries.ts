/** Rows and filters drawn at random, of few fields and values, so that they often meet. */
import fc from 'fast-check'
import type { Row } from './oracle.ts'

const NASTY = ['', 'a', 'A', 'ab', '%', '_', '\\', "'", '"', 'ä', '😀', '\uffff', '1', 'null', "'; drop table run; --"]
const nasty = fc.constantFrom(...NASTY, '$1', '{{')
const number = fc.constantFrom(0, 1, -1, 0.1, 1e21, 1e-7, 10, 2 ** 53)
const scalar = fc.oneof(nasty, number, fc.boolean(), fc.constant(null))
const value = fc.oneof(
  { weight: 4, arbitrary: scalar },
  fc.array(scalar, { maxLength: 3 }),
  fc.dictionary(fc.constantFrom('x', 'y', '0'), scalar, { maxKeys: 2, noNullPrototype: true }),
  fc.array(fc.dictionary(fc.constantFrom('x', 'y'), scalar, { maxKeys: 2, noNullPrototype: true }), { maxLength: 2 }),
)

const FIELDS = ['a', 'b', 'c.x', 'c.0', '$data.id', '$data.$x', 'weird "field\'s']
export const row: fc.Arbitrary<Row> = fc.dictionary(
  fc.constantFrom('a', 'b', 'c', 'id', '$x', 'weird "field\'s'),
  value,
  { noNullPrototype: true },
)

const operation = fc.oneof(
  fc.tuple(fc.constantFrom('$eq', '$ne', '$contains'), value),
  fc.tuple(fc.constantFrom('$in', '$nin'), fc.array(value, { maxLength: 4 })),
  fc.tuple(fc.constantFrom('$gt', '$gte', '$lt', '$lte'), fc.oneof(nasty, number)),
  fc.tuple(fc.constantFrom('$startsWith', '$endsWith'), nasty),
)
const condition = fc.tuple(
  fc.constantFrom(...FIELDS),
  fc.oneof(fc.array(operation, { minLength: 1, maxLength: 2 }).map(Object.fromEntries), scalar),
)

export const { filter } = fc.letrec<{ filter: Record<string, unknown> }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.array(condition, { maxLength: 2 }).map(Object.fromEntries),
    fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map(($and) => ({ $and })),
    fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map(($or) => ({ $or })),
    tie('filter').map(($not) => ({ $not })),
  ),
}))
