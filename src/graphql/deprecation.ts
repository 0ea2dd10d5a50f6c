/** What of the schema is on its way out: how its reason must read, and how often it is still asked for. */
import {
  type DocumentNode,
  type ExecutionArgs,
  type GraphQLSchema,
  getNamedType,
  isInputObjectType,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql'
import type { Plugin } from 'graphql-yoga'

/** Counts one use in an operation. `what`: `Job.name`, `Query.jobs(filter:)`, `JobFilter.tag` or `ListOrder.OLDEST`. */
export type DeprecationMeter = (what: string) => void

/** What is wrong with a reason; null: nothing. It says since when, and in backquotes what to take instead. */
export const deprecationFlaw = (reason: string): string | null =>
  /^Since \d{4}-\d{2}-\d{2}: .*`[^`]+`/.test(reason) ? null : 'must read like: Since 2027-01-15: take `Job.name`.'

type Executed = Pick<ExecutionArgs, 'document' | 'schema'>

/** Counts what is deprecated in an operation that is executed; of inputs what stands in the document. */
export function createDeprecationCount(meter: DeprecationMeter) {
  /** Documents are parsed once and kept: each is walked through once. */
  const known = new WeakMap<DocumentNode, string[]>()
  return ({ document, schema }: Executed): void => {
    let uses = known.get(document)
    if (!uses) {
      uses = deprecatedIn(schema, document)
      known.set(document, uses)
    }
    for (const each of uses) meter(each)
  }
}

export function countDeprecated(count: (args: Executed) => void): Plugin {
  const each = ({ args }: { args: Executed }) => count(args)
  return { onExecute: each, onSubscribe: each }
}

/** Each once. */
export function deprecatedIn(schema: GraphQLSchema, document: DocumentNode): string[] {
  const uses = new Set<string>()
  const types = new TypeInfo(schema)
  const add = (part: { deprecationReason?: string | null | undefined } | null | undefined, name: string) => {
    if (part?.deprecationReason != null) uses.add(name)
  }
  const field = () => `${types.getParentType()?.name}.${types.getFieldDef()?.name}`
  visit(
    document,
    visitWithTypeInfo(types, {
      Field: () => add(types.getFieldDef(), field()),
      Argument: ({ name }) => add(types.getArgument(), `${field()}(${name.value}:)`),
      ObjectField({ name: { value: name } }) {
        const input = getNamedType(types.getParentInputType())
        if (isInputObjectType(input)) add(input.getFields()[name], `${input.name}.${name}`)
      },
      EnumValue: ({ value }) => add(types.getEnumValue(), `${getNamedType(types.getInputType())?.name}.${value}`),
    }),
  )
  return [...uses]
}
