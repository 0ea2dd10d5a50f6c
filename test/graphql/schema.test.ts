/** The schema as clients see it. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import {
  type GraphQLArgument,
  type GraphQLNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isListType,
  isObjectType,
  isUnionType,
  printSchema,
} from 'graphql'
import { describe, expect, it } from 'vitest'
import { actionKinds } from '../../src/actions/registry.ts'
import { deprecationFlaw } from '../../src/graphql/deprecation.ts'
import { schema } from '../../src/graphql/schema.ts'

const types = Object.values(schema.getTypeMap()).filter((type) => !isIntrospectionType(type))
const typeNamed = (name: string) => schema.getType(name) as GraphQLNamedType

function* described(): Generator<[name: string, description: string | null | undefined]> {
  for (const type of types) {
    yield [type.name, type.description]
    if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) continue
    for (const field of Object.values(type.getFields())) {
      yield [`${type.name}.${field.name}`, field.description]
      for (const arg of 'args' in field ? field.args : []) {
        yield [`${type.name}.${field.name}(${arg.name}:)`, arg.description]
      }
    }
  }
}

describe('the schema', () => {
  it('is what schema.graphql says', () => {
    const file = readFileSync(path.join(import.meta.dirname, '../../schema.graphql'), 'utf8')
    expect(file).toBe(`# Printed from the code by codegen.ts; do not edit.\n\n${printSchema(schema)}\n`)
  })

  it('describes every type, field, argument and input', () => {
    const all = [...described()]
    expect(all.length).toBeGreaterThan(200)
    expect(all.flatMap(([name, description]) => (description?.trim() ? [] : [name]))).toEqual([])
  })

  it('answers every mutation with what came of it or a typed error', () => {
    const errors = ['ConflictError', 'ForbiddenError', 'LimitError', 'NotFoundError', 'ValidationError']
    for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
      const type = typeNamed(String(field.type).replace('!', ''))
      if (!isUnionType(type)) throw new Error(`${field.name} answers ${type}`)
      expect(type.name).toBe(`${field.name.charAt(0).toUpperCase()}${field.name.slice(1)}Result`)
      const members = type.getTypes().map(({ name }) => name)
      expect(members).toHaveLength(errors.length + 1)
      expect(members).toEqual(expect.arrayContaining(errors))
    }
    const shared = schema.getPossibleTypes(typeNamed('Error') as never).map(({ name }) => name)
    expect(shared.sort()).toEqual(errors)
  })

  it('takes one input in every mutation', () => {
    for (const { name, args } of Object.values(schema.getMutationType()?.getFields() ?? {})) {
      const input = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input!`
      expect(args.map((arg) => `${arg.name}: ${arg.type}`)).toEqual([`input: ${input}`])
    }
  })

  it('bounds and counts every list that has pages', () => {
    const connections = types.filter(({ name }) => name.endsWith('Connection'))
    expect(connections.length).toBeGreaterThan(3)
    for (const type of connections) {
      if (!isObjectType(type)) throw new Error(type.name)
      const { edges, pageInfo, totalCount } = type.getFields()
      expect([edges, pageInfo, totalCount].map((field) => String(field?.type))).toEqual([
        `[${type.name}Edge!]!`,
        'PageInfo!',
        'Int!',
      ])
    }
  })

  it('bounds every other list: by an argument, or by what it says', () => {
    const bounded = /(at most|the newest|the first|1 to) [\d,]+/i
    const lists = types.flatMap((type) => {
      if (type.name.endsWith('Connection')) return []
      if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) return []
      return Object.values(type.getFields()).flatMap((field) => {
        const args: readonly GraphQLArgument[] = 'args' in field ? field.args : []
        if (!isListType(getNullableType(field.type))) return []
        const says = [field, ...args.filter(({ name }) => /^(first|count)$/.test(name))]
        return [
          { name: `${type.name}.${field.name}`, isBounded: says.some((each) => bounded.test(each.description ?? '')) },
        ]
      })
    })
    expect(lists.length).toBeGreaterThan(40)
    expect(lists.flatMap(({ name, isBounded }) => (isBounded ? [] : [name]))).toEqual([])
  })

  it('says of whatever is deprecated since when, and what to take instead', () => {
    const all = types.flatMap((type) => {
      const parts = isEnumType(type)
        ? type.getValues()
        : isObjectType(type) || isInterfaceType(type) || isInputObjectType(type)
          ? Object.values(type.getFields())
          : []
      return parts.flatMap((part) => [
        { name: `${type.name}.${part.name}`, reason: part.deprecationReason },
        ...('args' in part ? part.args : []).map((arg: GraphQLArgument) => ({
          ...{ name: `${type.name}.${part.name}(${arg.name}:)`, reason: arg.deprecationReason },
        })),
      ])
    })
    for (const { name, reason } of all) if (reason != null) expect(deprecationFlaw(reason), name).toBeNull()
    expect(deprecationFlaw('Old.')).not.toBeNull()
  })

  it('has one kind in an action and one form in a schedule', () => {
    for (const name of ['ActionInput', 'ScheduleInput']) {
      const type = typeNamed(name)
      expect(isInputObjectType(type) && type.isOneOf, name).toBe(true)
    }
    const kinds = typeNamed('ActionInput')
    if (!isInputObjectType(kinds)) throw new Error('ActionInput is no input')
    expect(Object.keys(kinds.getFields())).toEqual(actionKinds.map(({ kind }) => kind).sort())
  })

  it.each([
    ['Query', 'viewer', 'Principal'],
    ['Query', 'node', 'Node'],
    ['Query', 'job', 'Job'],
    ['Query', 'run', 'Run'],
    ['Query', 'artifact', 'Artifact'],
    ['Query', 'jobs', 'QueryJobsConnection!'],
    ['Query', 'runs', 'QueryRunsConnection!'],
    ['Query', 'stack', 'Stack'],
    ['Query', 'stacks', 'QueryStacksConnection!'],
    ['Job', 'stack', 'Stack'],
    ['Query', 'artifacts', 'QueryArtifactsConnection!'],
    ['Query', 'previewSchedule', '[DateTime!]!'],
    ['Subscription', 'runEvents', 'RunEvent!'],
    ['CreatedUser', 'token', 'String!'],
    ['ValidationError', 'issues', '[ValidationIssue!]!'],
    ['Error', 'code', 'String!'],
    ['RunEvent', 'cursor', 'String!'],
    ['RunEvent', 'seq', 'Int!'],
    ['Job', 'upcoming', '[DateTime!]!'],
    ['Job', 'lastRun', 'Run'],
    ['Run', 'isFinal', 'Boolean!'],
    ['Run', 'durationMs', 'Int'],
    ['CronInput', 'expression', 'String!'],
    ['IntervalInput', 'seconds', 'Int!'],
    ['FileInput', 'content', 'String!'],
  ])('has %s.%s, which clients rely on, as %s', (name, field, expected) => {
    const type = typeNamed(name)
    const fields = isObjectType(type) || isInterfaceType(type) || isInputObjectType(type) ? type.getFields() : {}
    expect(String(fields[field]?.type)).toBe(expected)
  })
})
