import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Vite takes the `module` build of graphql and Node the `main` one; two copies of its classes do not know each other.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/global-setup.ts',
    setupFiles: 'test/support/leaks.ts',
    pool: 'forks',
    // One process for all files: they would spend a fifth of their time on loading the same modules again.
    isolate: false,
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})
