/** A run that is waited for through real processes: its worker is killed, and its API is told to stop. */
import pg from 'pg'
import { afterAll, expect, it } from 'vitest'
import { endAll, type RunsheetProcess, sharedDatabase, start } from '../../engine/launch.ts'
import { startReceiver } from '../../support/receiver.ts'
import { rest } from '../../support/rest.ts'
import { hookedJob } from './hooked.ts'

const PATIENCE_MS = 120_000
const soon = { timeout: 20_000 }

afterAll(endAll)

it(
  'a killed worker’s run is taken over, and the same connection gets its end; a stopping API cuts it, and the run goes on',
  async () => {
    const shared = await sharedDatabase()
    const [api, ...workers] = await Promise.all([
      start({ ...shared, ROLE: 'api' }),
      start({ ...shared, ROLE: 'worker' }),
      start({ ...shared, ROLE: 'worker' }),
    ])
    const client = new pg.Client(shared.DATABASE_URL)
    await client.connect()
    const held: (() => void)[] = []
    const receiver = await startReceiver((response) => held.push(() => response.end('ok')))
    const id = await hookedJob(api, receiver.url)

    const waiting = rest(api, `POST /api/jobs/${id}`)
    await expect.poll(() => held.length, soon).toBe(1)
    const [holder] = (await client.query('select pid from node where id = (select lease_owner from run_queue)')).rows
    const victim = workers.find(({ child }) => child.pid === holder?.pid) as RunsheetProcess
    expect(await victim.kill('SIGKILL')).toBe('SIGKILL')
    await expect.poll(() => held.length, soon).toBe(2)
    held[1]?.()
    expect((await waiting).body).toMatchObject({ success: true })
    expect((await client.query('select status, attempt, losses from run')).rows).toEqual([
      { status: 'SUCCEEDED', attempt: 2, losses: 1 },
    ])

    const cut = rest(api, `POST /api/jobs/${id}`).then(
      () => 'answered',
      () => 'closed',
    )
    await expect.poll(() => held.length, soon).toBe(3)
    expect(await api.kill('SIGTERM')).toBe(0)
    expect(await cut).toBe('closed')
    held[2]?.()
    const newest = 'select status, attempt from run order by id desc limit 1'
    await expect
      .poll(async () => (await client.query(newest)).rows, soon)
      .toEqual([{ status: 'SUCCEEDED', attempt: 1 }])
    const requests = api.log.filter(({ msg, path }) => msg === 'request' && path === `/api/jobs/${id}`)
    expect(requests).toMatchObject([{ status: 200 }, {}])
    await client.end()
  },
  PATIENCE_MS,
)
