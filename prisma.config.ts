import { defineConfig } from 'prisma/config'

// The client is WebAssembly: `prisma generate` only checks that a schema engine exists, so any existing file will do.
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath

export default defineConfig({ schema: 'prisma/schema.prisma' })
