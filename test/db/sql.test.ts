import { spawn } from 'node:child_process'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { createTestConnection } from '../support/database.ts'

const checkout = path.resolve(import.meta.dirname, '../..')

describe('a transaction whose connection is lost', () => {
  it.each(['between', 'during'])(
    'fails, and neither its process nor the next one with it: %s statements',
    async (when) => {
      const { user, password, host, port, database } = await createTestConnection()
      const url = `postgresql://${user}:${password}@${host}:${port}/${database}`
      const child = spawn(process.execPath, ['--import', 'tsx', 'test/db/fixtures/lost-transaction.ts', url, when], {
        cwd: checkout,
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      expect(JSON.parse(await text(child.stdout))).toEqual({ lost: expect.any(String), after: [{ one: 1 }] })
    },
  )
})
