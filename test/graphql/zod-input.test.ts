/** A zod object as a GraphQL input: in a schema of its own, so that the types of the tests are in no other. */
import { type GraphQLInputObjectType, isInputObjectType } from 'graphql'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { builder } from '../../src/graphql/builder.ts'
import { inputFromZod } from '../../src/graphql/zod-input.ts'
import '../../src/graphql/schema.ts'

const shape = z.object({
  text: z.string().max(5).describe('A text.'),
  maybe: z.string().optional(),
  orNull: z.string().nullable(),
  either: z.string().nullish(),
  count: z.int().min(1),
  whole: z.number().int().default(3).describe('With a default.'),
  share: z.number(),
  flag: z.boolean().default(true),
  mood: z.enum(['GOOD', 'BAD']).default('GOOD'),
  list: z.array(z.string()).optional(),
  lists: z.array(z.array(z.int())),
  map: z.record(z.string(), z.string()).default({}),
  anything: z.unknown().optional(),
})

const input = inputFromZod('ZodProbeInput', 'Made for this test.', shape)
builder.queryField('zodProbe', (t) =>
  t.string({ args: { input: t.arg({ type: input }) }, resolve: () => 'never asked' }),
)
const schema = builder.toSchema()
const type = schema.getType('ZodProbeInput') as GraphQLInputObjectType
const field = (name: string) => type.getFields()[name]

describe('an input from a zod object', () => {
  it('has its name and its description, and those of its fields', () => {
    expect(isInputObjectType(type)).toBe(true)
    expect(type.description).toBe('Made for this test.')
    expect(field('text')?.description).toBe('A text.')
    expect(field('whole')?.description).toBe('With a default.')
    expect(field('maybe')?.description).toBeFalsy()
    expect(Object.keys(type.getFields()).sort()).toEqual(Object.keys(shape.shape).sort())
  })

  it.each([
    ['text', 'String!'],
    ['maybe', 'String'],
    ['orNull', 'String'],
    ['either', 'String'],
    ['count', 'Int!'],
    ['whole', 'Int'],
    ['share', 'Float!'],
    ['flag', 'Boolean'],
    ['mood', 'ZodProbeMood'],
    ['list', '[String!]'],
    ['lists', '[[Int!]!]!'],
    ['map', 'JSON'],
    ['anything', 'JSON'],
  ])('has %s as %s', (name, expected) => {
    expect(String(field(name)?.type)).toBe(expected)
  })

  it('shows defaults that are plain, and leaves the others to the parser', () => {
    const defaults = Object.values(type.getFields()).filter(({ defaultValue }) => defaultValue !== undefined)
    const values = Object.fromEntries(defaults.map(({ name, defaultValue }) => [name, defaultValue]))
    expect(values).toEqual({ whole: 3, flag: true, mood: 'GOOD' })
  })

  it('makes an enum of its values', () => {
    const mood = schema.getType('ZodProbeMood')
    expect(mood?.description).toBe('One of GOOD, BAD.')
    expect(mood?.toConfig()).toMatchObject({ values: { GOOD: {}, BAD: {} } })
  })

  it('says which field it cannot make, when the schema is made and not when it is used', () => {
    const make = () => inputFromZod('ZodBadInput', 'Bad.', z.object({ when: z.date() }))
    expect(make).toThrow('ZodBadInput.when: no GraphQL input is known for this zod type')
  })
})
