/**
 * Types for the operations of main.ts, and a list of them by hash (`persisted-documents.json`), in `generated/`. What
 * GraphQL Code Generator's command does with this configuration:
 *
 *     documents: 'main.ts', schema: 'schema.graphql',
 *     generates: { 'generated/': { preset: 'client', presetConfig, config } }
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { preset } from '@graphql-codegen/client-preset'
import { codegen } from '@graphql-codegen/core'
import { parse } from 'graphql'

const here = import.meta.dirname
const SCHEMA = path.join(here, '../../schema.graphql')
const OPERATIONS = path.join(here, 'main.ts')

const presetConfig = {
  fragmentMasking: { unmaskFunctionName: 'unmask' },
  persistedDocuments: { hashAlgorithm: 'sha256' },
}
const config = {
  documentMode: 'string',
  emitLegacyCommonJSImports: false,
  useTypeImports: true,
  enumsAsTypes: true,
  scalars: { DateTime: 'string', JSON: 'unknown', ID: 'string' },
}

export async function generateClientPreset(): Promise<void> {
  const text = await readFile(OPERATIONS, 'utf8')
  const operations = [...text.matchAll(/\bgraphql\(`([^`]*)`/g)].map(([, rawSDL = '']) => rawSDL)
  const outputs = await preset.buildGeneratesSection({
    baseOutputDir: path.join(here, 'generated/'),
    schema: parse(await readFile(SCHEMA, 'utf8')),
    documents: operations.map((rawSDL) => ({ location: OPERATIONS, rawSDL, document: parse(rawSDL) })),
    presetConfig,
    config,
    plugins: [],
    pluginMap: {},
    pluginContext: {},
  } as never)
  await mkdir(path.join(here, 'generated'), { recursive: true })
  for (const output of outputs) await writeFile(output.filename, await codegen(output))
}

if (process.argv[1] === import.meta.filename) await generateClientPreset()
