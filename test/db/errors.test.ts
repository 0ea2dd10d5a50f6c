import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { openDatabase } from '../../src/db/client.ts'
import { isDeadlock, isUniqueViolation, isUnreachable } from '../../src/db/errors.ts'
import { createLog } from '../../src/kernel/log.ts'
import { createTestConnection } from '../support/database.ts'

const coded = (code: string) => Object.assign(new Error('said by nobody we know'), { code })

describe('a database that is away', () => {
  it.each([
    ['is shut down', '57P01'],
    ['crashes', '57P02'],
    ['is starting or recovering', '57P03'],
    ['dropped the database', '57P04'],
    ['has ended an idle session', '57P05'],
    ['has ended a transaction that was idle', '25P03'],
    ['is a standby', '25006'],
    ['has no connection left', '53300'],
    ['has no room left', '53100'],
    ['broke the connection', '08006'],
    ['refuses', 'ECONNREFUSED'],
    ['resets', 'ECONNRESET'],
    ['went away while we wrote', 'EPIPE'],
    ['does not answer', 'ETIMEDOUT'],
    ['has no name', 'ENOTFOUND'],
    ['has no name just now', 'EAI_AGAIN'],
    ['has no way to it', 'EHOSTUNREACH'],
    ['cannot be reached, says Prisma', 'P1001'],
    ['closed the connection, says Prisma', 'P1017'],
  ])('%s (%s)', (_, code) => {
    expect(isUnreachable(coded(code))).toBe(true)
  })

  it.each([
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'Client has encountered a connection error and is not queryable',
    'Query read timeout',
    'timeout expired',
    'timeout exceeded when trying to connect',
  ])('is also one of which pg says “%s”', (message) => {
    expect(isUnreachable(new Error(message))).toBe(true)
  })

  it.each(['28P01', '3D000', '23505', '42P01', '22P02', '40P01', 'P2002', 'EACCES'])(
    'is not one that says %s',
    (code) => {
      expect(isUnreachable(coded(code))).toBe(false)
    },
  )

  it('is not what is no error of a database', () => {
    expect([new Error('no'), 'ECONNREFUSED', null, undefined].map(isUnreachable)).toEqual([false, false, false, false])
  })

  it('is seen by pg and by Prisma, when connections are ended and when there is none to be had', async () => {
    const connection = await createTestConnection()
    const { prisma, pool, close } = openDatabase(connection, createLog('silent'))
    const admin = new pg.Client({ ...connection, database: 'postgres' })
    await admin.connect()
    const failure = (work: Promise<unknown>) =>
      work.then(
        () => null,
        (error: unknown) => error,
      )
    const sleeping = [
      failure(pool.query('select pg_sleep(60)')),
      failure(prisma.$queryRawUnsafe('select pg_sleep(60)')),
      failure(prisma.$transaction((tx) => tx.$queryRawUnsafe('select pg_sleep(60)'))),
    ]
    const asleep = "select pid from pg_stat_activity where datname = $1 and query ~ 'pg_sleep' and state = 'active'"
    await expect.poll(async () => (await admin.query(asleep, [connection.database])).rowCount).toBe(3)
    await admin.query(`select pg_terminate_backend(pid) from (${asleep}) asleep`, [connection.database])
    for (const error of await Promise.all(sleeping)) expect(isUnreachable(error), String(error)).toBe(true)

    await admin.end()
    await close()
    const away = openDatabase({ ...connection, port: 1 }, createLog('silent'))
    const refused = [
      failure(away.pool.query('select 1')),
      failure(away.prisma.run.count()),
      failure(away.prisma.$transaction((tx) => tx.run.count())),
    ]
    for (const error of await Promise.all(refused)) expect(isUnreachable(error), String(error)).toBe(true)
    await away.close()
  })
})

it('tells a deadlock and a unique violation from other faults', () => {
  expect([isDeadlock(coded('40P01')), isDeadlock(coded('23505'))]).toEqual([true, false])
  expect([isUniqueViolation(coded('23505')), isUniqueViolation(coded('40P01'))]).toEqual([true, false])
})
