/** Questions about the schema: only the root has fields for them, but fragments may bring them in. */
import { type DocumentNode, type FieldNode, Kind, type SelectionSetNode, visit } from 'graphql'
import { tooMuch } from './refusal.ts'

const isIntrospection = ({ name }: FieldNode) => /^__(schema|type)$/.test(name.value)

/** How often a document asks for the schema. */
export function introspections({ definitions }: DocumentNode): number {
  return definitions.reduce((sum, each) => sum + ('selectionSet' in each ? countIn(each.selectionSet) : 0), 0)
}

const countIn = ({ selections }: SelectionSetNode): number =>
  selections.reduce((sum, selection) => {
    if (selection.kind === Kind.INLINE_FRAGMENT) return sum + countIn(selection.selectionSet)
    return sum + Number(selection.kind === Kind.FIELD && isIntrospection(selection))
  }, 0)

/** Its lists are long: under a hundred names each would be the whole of it a hundred times. */
const LISTS = /^(types|fields|inputFields|interfaces|possibleTypes|args|enumValues|directives)$/

/** @throws GraphQLError LIMIT_EXCEEDED for a document that asks for the schema and gives its lists other names */
export function refuseRenamedLists(document: DocumentNode): void {
  let asks = false
  let renamed: string | undefined
  visit(document, {
    Field(field) {
      asks ||= isIntrospection(field)
      if (field.alias && LISTS.test(field.name.value)) renamed = field.name.value
    },
  })
  if (asks && renamed) throw tooMuch(`A query that asks for the schema may not rename its lists, such as ${renamed}.`)
}
