/** Short documents that would be much work, and what refuses them. */
const times = (count: number, text: (n: number) => string) => Array.from({ length: count }, (_, n) => text(n)).join(' ')

const doubled = (depth: number): string => (depth === 0 ? 'id' : times(2, () => `job { ${doubled(depth - 1)} }`))

/** Name, document, and the setting or the fault that the refusal names. */
export const HOSTILE: [name: string, query: string, says: string][] = [
  ['1,000 aliases', `{ ${times(1_000, (n) => `a${n}: __typename`)} }`, 'MAX_QUERY_ALIASES'],
  ['50,000 tokens', `{ ${times(25_000, () => 'a')} }`, 'MAX_QUERY_TOKENS'],
  ['a directive 10,000 times', `{ __typename ${times(10_000, () => '@skip')} }`, 'MAX_QUERY_TOKENS'],
  ['10,000 fragments', times(10_000, (n) => `fragment F${n} on Query { id }`).slice(0, 99_000), 'MAX_QUERY_TOKENS'],
  ['one field 1,000 times', `{ ${times(1_000, () => 'viewer { id }')} }`, 'MAX_QUERY_FIELDS'],
  ['fields that double at each level', `{ run(id: "run_0") { ${doubled(8)} } }`, 'MAX_QUERY_FIELDS'],
  [
    'fragments that double at each step',
    `{ ...F0 } ${times(400, (n) => `fragment F${n} on Query { ...F${n + 1} ...F${n + 1} }`)} fragment F400 on Query { __typename }`,
    'MAX_QUERY_FIELDS',
  ],
  [
    'fragments that all spread each other',
    `{ ...F0 } ${times(40, (n) => `fragment F${n} on Query { viewer { id } ${times(40, (m) => `...F${m}`)} }`)}`,
    'MAX_QUERY_FIELDS',
  ],
  [
    'fields that repeat in a fragment that nobody spreads',
    `{ __typename } fragment F on Query { ${times(1_000, () => 'viewer { id }')} }`,
    'MAX_QUERY_FIELDS',
  ],
  ['100 fields at the root', `{ ${times(100, (n) => `a${n}: __typename`)} }`, 'MAX_ROOT_FIELDS'],
  ['many levels', `{ ${times(20, () => 'job {')} id ${times(20, () => '}')} }`, 'MAX_QUERY_DEPTH'],
  [
    'the lists of the schema under many names',
    `{ __schema { ${times(100, (n) => `t${n}: types { fields { name } }`)} } }`,
    'may not rename',
  ],
  ['a cycle of fragments', '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }', 'Cannot spread'],
]
