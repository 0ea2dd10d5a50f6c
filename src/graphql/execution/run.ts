/**
 * One execution of a plan. It knows answers in which all is as it should be; whatever else comes up, as a null where none
 * may be or an error, ends it, and others begin again who know how that is told. So it must be of a query: nothing changes.
 */
import {
  type ExecutionResult,
  type GraphQLAbstractType,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getArgumentValues,
  isObjectType,
} from 'graphql'
import { LeftToOthers, type Plan, type PlannedField, type Shape } from './plan.ts'

type MaybePromise<Value> = Value | Promise<Value>
type Values = Record<string, unknown>
/** An object or a list of the answer. */
type Into = Record<string | number, unknown>

/** Where a value stands in the answer, and of which field it is. To resolvers it is the path. */
class Place {
  readonly prev: Place | undefined
  readonly key: string | number
  /** Undefined in a list. */
  readonly typename: string | undefined
  readonly into: Into
  readonly planned: PlannedField

  constructor(prev: Place | undefined, key: string | number, into: Into, planned: PlannedField, typename?: string) {
    this.prev = prev
    this.key = key
    this.typename = typename
    this.into = into
    this.planned = planned
  }
}

export class Run {
  readonly #schema: GraphQLSchema
  readonly #plan: Plan
  readonly #context: unknown
  readonly #variables: Values
  /** Of each field that has some, for all objects that it is asked of. */
  readonly #args: Values[] = []
  #pending = 0
  #end: ((isWhole: boolean) => void) | null = null

  constructor(schema: GraphQLSchema, plan: Plan, context: unknown, variables: Values) {
    this.#schema = schema
    this.#plan = plan
    this.#context = context
    this.#variables = variables
  }

  /** `otherwise` begins again, at most once. */
  result(otherwise: () => MaybePromise<ExecutionResult>): MaybePromise<ExecutionResult> {
    const data: Values = {}
    try {
      this.#fill(data, undefined, this.#plan.root, undefined)
    } catch {
      return otherwise()
    }
    if (this.#pending === 0) return { data }
    return new Promise((resolve) => {
      this.#end = (isWhole) => {
        this.#end = null
        resolve(isWhole ? { data } : Promise.resolve().then(otherwise))
      }
    })
  }

  #fill(object: Values, source: unknown, fields: readonly PlannedField[], at: Place | undefined): void {
    for (const planned of fields) {
      const { key, parent, field, shape } = planned
      if (!field) object[key] = parent.name
      else if (!field.resolve && shape.kind === 'leaf') {
        const value = propertyOf(source, field.name)
        if (isPromise(value)) this.#put(value, shape, new Place(at, key, object, planned, parent.name))
        else object[key] = isEmpty(value) ? emptyIn(shape) : told(value, shape)
      } else {
        const place = new Place(at, key, object, planned, parent.name)
        const value = field.resolve
          ? field.resolve(source, this.#argsOf(planned), this.#context, this.#infoOf(field, place))
          : propertyOf(source, field.name)
        this.#put(value, shape, place)
      }
    }
  }

  #infoOf(field: GraphQLField<unknown, unknown>, path: Place): GraphQLResolveInfo {
    const { parent, nodes } = path.planned
    const { operation, fragments } = this.#plan
    return {
      fieldName: field.name,
      fieldNodes: nodes,
      returnType: field.type,
      parentType: parent,
      path,
      schema: this.#schema,
      fragments,
      rootValue: undefined,
      operation,
      variableValues: this.#variables,
    }
  }

  #argsOf({ field, nodes, args }: PlannedField): Values {
    if (!field || args === null) return {}
    const known = this.#args[args] ?? getArgumentValues(field, nodes[0], this.#variables)
    this.#args[args] = known
    return { ...known }
  }

  /** What comes later has its place now: the answer is in the order of the question. */
  #put(value: unknown, shape: Shape, place: Place): void {
    if (!isPromise(value)) {
      this.#complete(value, shape, place)
      return
    }
    place.into[place.key] = undefined
    this.#pending++
    value.then(
      (settled) => {
        if (!this.#end) return
        try {
          this.#complete(settled, shape, place)
          if (--this.#pending === 0) this.#end(true)
        } catch {
          this.#end(false)
        }
      },
      () => this.#end?.(false),
    )
  }

  #complete(value: unknown, shape: Shape, place: Place): void {
    const { into, key } = place
    if (isEmpty(value)) into[key] = emptyIn(shape)
    else if (shape.kind === 'leaf') into[key] = told(value, shape)
    else if (value instanceof Error) throw new LeftToOthers()
    else if (shape.kind === 'list') this.#list(value, shape.of, place)
    else if (shape.kind === 'object') this.#object(value, shape.selected(shape.type), place)
    else this.#object(value, shape.selected(this.#typeOf(value, shape.type, place)), place)
  }

  #object(value: unknown, fields: readonly PlannedField[], place: Place): void {
    const object: Values = {}
    place.into[place.key] = object
    this.#fill(object, value, fields, place)
  }

  #list(value: unknown, of: Shape, place: Place): void {
    if (!Array.isArray(value)) throw new LeftToOthers()
    const list: unknown[] = []
    place.into[place.key] = list
    try {
      for (let index = 0; index < value.length; index++) {
        this.#put(value[index], of, new Place(place, index, list as unknown as Into, place.planned))
      }
    } catch (error) {
      // Of those that were not come to nobody would hear.
      for (const item of value) if (isPromise(item)) item.then(undefined, () => {})
      throw error
    }
  }

  #typeOf(value: unknown, type: GraphQLAbstractType, place: Place): GraphQLObjectType {
    let at = place
    while (at.typename === undefined && at.prev) at = at.prev
    const { field } = place.planned
    if (!field || !type.resolveType) throw new LeftToOthers()
    const name = type.resolveType(value, this.#context, this.#infoOf(field, at), type)
    // graphql-js asks again, and of this nobody would hear.
    if (isPromise(name)) name.then(undefined, () => {})
    const found = typeof name === 'string' ? this.#schema.getType(name) : undefined
    if (!isObjectType(found) || !this.#schema.isSubType(type, found)) throw new LeftToOthers()
    return found
  }
}

const isEmpty = (value: unknown): value is null | undefined => value === null || value === undefined

function emptyIn({ nullable }: Shape): null {
  if (!nullable) throw new LeftToOthers()
  return null
}

function told(value: unknown, { type }: Shape & { kind: 'leaf' }): unknown {
  if (value instanceof Error) throw new LeftToOthers()
  const result = type.serialize(value)
  if (isEmpty(result)) throw new LeftToOthers()
  return result
}

/** Functions are for graphql-js to call. */
function propertyOf(source: unknown, name: string): unknown {
  if (typeof source !== 'object' || source === null) throw new LeftToOthers()
  const value = (source as Values)[name]
  if (typeof value === 'function') throw new LeftToOthers()
  return value
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
