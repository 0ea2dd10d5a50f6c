/** What one GraphQL document and its operation may be. Each is a setting of its own (config.ts). */
export type QueryLimits = {
  /** Characters of the document. */
  chars: number
  /** Tokens of the document: names, values and punctuation, without comments. */
  tokens: number
  /** Fields that stand in each other. */
  depth: number
  /** Fields and spreads of an operation, those of a fragment as often as it is spread. */
  fields: number
  /** Fields of the document that have an alias. */
  aliases: number
  /** Fields of an operation that stand in no other. */
  rootFields: number
  /** Fields of an operation times the size of the lists that they stand in; of a batch together. */
  cost: number
}
