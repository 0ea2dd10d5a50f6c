/**
 * Bundles the server: loading one file instead of a thousand halves the time to be ready. With `--if-stale` only when
 * something in `src` is newer than the last bundle.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { build } from 'esbuild'

const root = import.meta.dirname
const modified = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0

function isStale(bundle) {
  const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
  return ['package-lock.json', ...sources.map((file) => `src/${file}`)].some(
    (file) => modified(path.join(root, file)) > modified(bundle),
  )
}

// As deep below the root as the files in `src/*/`, which find package.json and the migrations by that.
const outdir = path.join(root, 'dist/server')

/**
 * Prisma's query compiler comes as a text in a module, which stays in memory with all that was made of it. As a file it is
 * read when it is needed; who decodes it takes what `valueOf` says as it takes a text.
 */
const wasmAsFile = {
  name: 'wasm-as-file',
  setup(bundle) {
    bundle.onLoad({ filter: /query_compiler_.*\.wasm-base64\.mjs$/ }, ({ path: module }) => {
      const [, base64 = ''] = /wasm = "([^"]+)"/.exec(readFileSync(module, 'utf8')) ?? []
      const bytes = Buffer.from(base64, 'base64')
      if (!WebAssembly.validate(bytes)) throw new Error(`${module} holds no WebAssembly that could be found`)
      const file = `${path.basename(module, '.wasm-base64.mjs')}.wasm`
      mkdirSync(outdir, { recursive: true })
      writeFileSync(path.join(outdir, file), bytes)
      return {
        contents: `import { readFileSync } from 'node:fs'
          export const wasm = { valueOf: () => readFileSync(new URL('./${file}', import.meta.url)) }`,
      }
    })
  },
}

/** Of dependencies the map tells the file only: with all their lines it is most of what the process keeps of it. */
const filesOfDependencies = {
  name: 'files-of-dependencies',
  setup(bundle) {
    bundle.onLoad({ filter: /node_modules.*\.[cm]?js$/ }, ({ path: module }) => {
      const map = { version: 3, sources: [path.basename(module)], names: [], mappings: 'AAAA' }
      const url = `data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString('base64')}`
      return { contents: `${textOf(module)}\n//# sourceMappingURL=${url}` }
    })
  },
}

const PRISMA_RUNTIME = path.join('@prisma', 'client', 'runtime', 'client.js')

/**
 * Prisma's runtime has a table for each of 3,200 kinds of inputs and outputs, with a few numbers up to 800 as its keys: V8
 * makes arrays of them that are empty for the most part, 15 MB in all. A key that is far away has it make a hash of them.
 */
function textOf(module) {
  const text = readFileSync(module, 'utf8')
  if (!module.endsWith(PRISMA_RUNTIME)) return text
  const [before, ...parts] = text.split(/(?<=let [a-z]=this\.#[a-z]\(\),)([a-z])=\{\};(?=for\()/)
  if (parts.length !== 4) throw new Error(`${module} makes its tables in another way`)
  const [input, between, output, after] = parts
  const sparse = (name) => `${name}={4e9:0};delete ${name}[4e9];`
  return [before, sparse(input), between, sparse(output), after].join('')
}

/** Patterns keep their characters whatever the bundler is told, and one that has two bytes gives two to all the others. */
function escapeTheRest(file) {
  const text = readFileSync(file, 'utf8')
  const escaped = text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
  if (escaped !== text) writeFileSync(file, escaped)
}

if (!process.argv.includes('--if-stale') || isStale(path.join(outdir, 'main.js'))) {
  rmSync(outdir, { recursive: true, force: true })
  await build({
    absWorkingDir: root,
    entryPoints: ['src/main.ts'],
    outdir,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // V8 keeps the text: without blanks, and of characters of one byte, it is a quarter of what it was.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    charset: 'ascii',
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'error',
    // Loaded only when they are needed, or by a path of their own.
    external: ['pg-native', 'pino-pretty', '@graphql-yoga/render-graphiql', '@prisma/schema-engine-wasm'],
    plugins: [wasmAsFile, filesOfDependencies],
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
  })
  escapeTheRest(path.join(outdir, 'main.js'))
}
