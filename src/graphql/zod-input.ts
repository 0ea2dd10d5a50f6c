/** A GraphQL input from a zod object, so that an action kind is described once, in its driver. */
import { z } from 'zod'
import { builder } from './builder.ts'

const pascal = (name: string) => name.charAt(0).toUpperCase() + name.slice(1)

/** Fields with a default or `.optional()` may be left out. Records, unions and unknown values are the JSON scalar. */
export function inputFromZod(name: string, description: string, shape: z.ZodObject) {
  return builder.inputType(name, {
    description,
    fields: (t) =>
      Object.fromEntries(
        Object.entries(shape.shape).map(([field, type]) => {
          const { inner, optional, defaultValue } = unwrap(type)
          const description = type.description ?? (inner as z.ZodType).description
          const options = {
            required: !optional,
            ...(description !== undefined && { description }),
            ...(isPlain(defaultValue) && { defaultValue }),
          }
          return [field, t.field({ type: typeOf(inner, name, field), ...options } as never)]
        }),
      ),
  })
}

/** Objects are no defaults in SDL that a reader would gain from. */
const isPlain = (value: unknown) => value !== undefined && typeof value !== 'object'

function unwrap(
  type: unknown,
  optional = false,
  defaultValue?: unknown,
): { inner: unknown; optional: boolean; defaultValue?: unknown } {
  if (type instanceof z.ZodDefault) return unwrap(type.def.innerType, true, type.def.defaultValue)
  if (type instanceof z.ZodOptional || type instanceof z.ZodNullable)
    return unwrap(type.def.innerType, true, defaultValue)
  return { inner: type, optional, defaultValue }
}

function typeOf(type: unknown, name: string, field: string): unknown {
  if (type instanceof z.ZodString || type instanceof z.ZodStringFormat) return 'String'
  if (type instanceof z.ZodBoolean) return 'Boolean'
  if (type instanceof z.ZodNumber) return type.format?.includes('int') ? 'Int' : 'Float'
  if (type instanceof z.ZodEnum) return enumOf(type, `${name.replace(/Input$/, '')}${pascal(field)}`)
  if (type instanceof z.ZodObject) {
    const nested = `${name.replace(/Input$/, '')}${pascal(field)}Input`
    return inputFromZod(nested, type.description ?? '', type)
  }
  if (type instanceof z.ZodArray) return [typeOf(type.element, name, field)]
  if (type instanceof z.ZodRecord || type instanceof z.ZodUnion || type instanceof z.ZodUnknown) return 'JSON'
  throw new Error(`${name}.${field}: no GraphQL input is known for this zod type`)
}

function enumOf(type: z.ZodEnum, name: string) {
  return builder.enumType(name, {
    description: type.description ?? `One of ${type.options.join(', ')}.`,
    values: type.options.map(String),
  })
}
