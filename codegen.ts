/**
 * Prints `schema.graphql` and `docs/action-kinds.md` from the code, and typed operations for the tests from the GraphQL
 * in them, as for an example.
 * `node --import tsx codegen.ts`
 */
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { preset } from '@graphql-codegen/client-preset'
import { codegen } from '@graphql-codegen/core'
import { type GraphQLInputObjectType, getNamedType, isEnumType, isInputObjectType, parse, printSchema } from 'graphql'
import { generateClientPreset } from './examples/client-preset/generate.ts'
import { actionKinds } from './src/actions/registry.ts'
import { schema } from './src/graphql/schema.ts'

const root = import.meta.dirname
const SCHEMA_FILE = path.join(root, 'schema.graphql')
const KINDS_FILE = path.join(root, 'docs/action-kinds.md')
const OUTPUT = path.join(root, 'test/generated/')

const text = `# Printed from the code by codegen.ts; do not edit.\n\n${printSchema(schema)}\n`

/** The kinds of actions with their fields, as GraphQL has them from the drivers. */
function kindsPage(): string {
  const input = schema.getType('ActionInput') as GraphQLInputObjectType
  const kinds = actionKinds.map(({ kind, description }) => {
    const type = getNamedType(input.getFields()[kind]?.type) as GraphQLInputObjectType
    return `## ${kind}\n${description}\n\n| Field | Type | What |\n|---|---|---|\n${rowsOf(type, '').join('\n')}\n`
  })
  const head = '<!-- Printed from the code by codegen.ts; do not edit. -->\n\n# Kinds of actions\n'
  return `${head}\nWhat each takes, in GraphQL as in every other API. What they are for: [actions.md](actions.md).\n\n${kinds.join('\n')}`
}

function rowsOf(type: GraphQLInputObjectType, at: string): string[] {
  return Object.values(type.getFields()).flatMap(({ name, type, defaultValue, description }) => {
    const named = getNamedType(type)
    const inner = isInputObjectType(named) ? rowsOf(named, `${at}${name}.`) : []
    const given = defaultValue === undefined ? '' : ` = ${JSON.stringify(defaultValue)}`
    const what = (description ?? '').replaceAll('|', '\\|').replaceAll('\n', ' ')
    const values = isEnumType(named) && named.getValues().map((value) => value.name)
    const shown = values ? values.join(', ') : isInputObjectType(named) ? 'object' : type
    return [`| \`${at}${name}\` | \`${shown}${given}\` | ${what} |`, ...inner]
  })
}

/** Operations stand in the tests as graphql(`…`). */
function operationsIn(folder: string) {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (file) => /\.tsx?$/.test(file) && !file.startsWith('generated'),
  )
  return files.flatMap((file) => {
    const location = path.join(folder, file)
    const templates = [...readFileSync(location, 'utf8').matchAll(/\bgraphql\(\s*(?:\/\*.*?\*\/\s*)?`([^`]*)`/g)]
    return templates.map(([, rawSDL = '']) => ({ location, rawSDL, document: parse(rawSDL) }))
  })
}

export async function generate(): Promise<void> {
  await writeIfChanged(SCHEMA_FILE, text)
  await writeIfChanged(KINDS_FILE, kindsPage())
  const options = {
    baseOutputDir: OUTPUT,
    schema: parse(text),
    schemaAst: schema,
    documents: operationsIn(path.join(root, 'test')),
    config: {
      documentMode: 'string',
      emitLegacyCommonJSImports: false,
      useTypeImports: true,
      enumsAsTypes: true,
      scalars: { DateTime: 'string', JSON: 'unknown', ID: 'string' },
    },
    presetConfig: { fragmentMasking: false },
    plugins: [],
    pluginMap: {},
    pluginContext: {},
  }
  await mkdir(OUTPUT, { recursive: true })
  const outputs = await preset.buildGeneratesSection(options as never)
  await Promise.all(outputs.map(async (output) => writeIfChanged(output.filename, await codegen(output))))
  await generateClientPreset()
}

async function writeIfChanged(file: string, content: string): Promise<void> {
  const before = await readFile(file, 'utf8').catch(() => null)
  if (before !== content) await writeFile(file, content)
}

if (process.argv[1] === import.meta.filename) await generate()
