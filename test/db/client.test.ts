import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, it } from 'vitest'
import { openDatabase } from '../../src/db/client.ts'
import { isUnreachable } from '../../src/db/errors.ts'
import { inTransaction } from '../../src/db/sql.ts'
import { createLog } from '../../src/kernel/log.ts'

/** A message of PostgreSQL's protocol. */
function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

it('outlives a server that says goodbye in one packet with its greeting', async () => {
  const greeting = [message('R', Buffer.alloc(4)), message('Z', Buffer.from('I'))]
  const goodbye = message('E', Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0'))
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(Buffer.concat([...greeting, goodbye])))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const connection = { host: '127.0.0.1', port, user: 'runsheet', database: 'runsheet' }
  const { pool, prisma, close } = openDatabase(connection, createLog('silent'))
  const works = [
    () => inTransaction(pool, (sql) => sql('select 1')),
    () => prisma.$transaction((tx) => tx.run.count()),
    () => pool.query('select 1'),
  ]
  for (const work of works) {
    const error = await work().then(
      () => null,
      (reason: unknown) => reason,
    )
    expect(isUnreachable(error), String(error)).toBe(true)
  }
  await close()
  server.close()
})
