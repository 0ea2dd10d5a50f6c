/** Runs that clients wait for, through real processes: a worker is killed, and the API is told to stop. */
import pg from 'pg'
import { afterAll, expect, it, onTestFinished } from 'vitest'
import { endAll, type RunsheetProcess, sharedDatabase, start } from '../engine/launch.ts'
import { startReceiver } from '../support/receiver.ts'
import { rest } from '../support/rest.ts'
import { hookedJob } from './informer/hooked.ts'

const PATIENCE_MS = 120_000
const soon = { timeout: 20_000 }

afterAll(endAll)

it(
  'a killed worker’s runs are taken over, and the same connections get their ends; a stopping API cuts them, and the runs go on',
  async () => {
    const shared = await sharedDatabase()
    const [api, ...workers] = await Promise.all([
      start({ ...shared, ROLE: 'api' }),
      start({ ...shared, ROLE: 'worker' }),
      start({ ...shared, ROLE: 'worker' }),
    ])
    const client = new pg.Client(shared.DATABASE_URL)
    await client.connect()
    onTestFinished(() => client.end())
    const held: (() => void)[] = []
    const receiver = await startReceiver((response) => held.push(() => response.end('ok')))
    const id = await hookedJob(api, receiver.url)
    const blocks = [['webhook', { url: receiver.url }]]
    const { body: stack } = await rest(api, 'POST /blockstacks', {
      body: { name: 'hooked', webhook: 'public', blocks },
    })
    const calls = [
      `POST /api/jobs/${id}`,
      `GET /blockstacks/exec/${stack.id}`,
      `POST /api/v1/blockstacks/hook/${stack.id}`,
    ]
    const runs = async () => (await client.query('select status, attempt, losses from run order by id')).rows

    const waiting = calls.map((call) => rest(api, call))
    await expect.poll(() => held.length, soon).toBe(3)
    const holder = 'select n.pid, count(*)::int as runs from run_queue q join node n on n.id = q.lease_owner group by 1'
    const [lost] = (await client.query(holder)).rows
    const victim = workers.find(({ child }) => child.pid === lost.pid) as RunsheetProcess
    expect(await victim.kill('SIGKILL')).toBe('SIGKILL')
    await expect.poll(() => held.length, soon).toBe(3 + lost.runs)
    for (const end of held.splice(0)) end()
    const answers = (await Promise.all(waiting)).map(({ status, body }) => [status, body])
    expect(answers).toEqual([
      [200, expect.objectContaining({ success: true })],
      [200, { success: [expect.any(Number)] }],
      [200, { status: 0, result: { status: 200, body: 'ok' } }],
    ])
    const first = await runs()
    expect(first.map(({ status, attempt, losses }) => [status, attempt - losses])).toEqual(
      calls.map(() => ['SUCCEEDED', 1]),
    )
    expect(first.filter(({ losses }) => losses === 1)).toHaveLength(lost.runs)

    const cut = calls.map((call) =>
      rest(api, call).then(
        () => 'answered',
        () => 'closed',
      ),
    )
    await expect.poll(() => held.length, soon).toBe(3)
    expect(await api.kill('SIGTERM')).toBe(0)
    expect(await Promise.all(cut)).toEqual(calls.map(() => 'closed'))
    for (const end of held) end()
    await expect
      .poll(async () => (await runs()).slice(3), soon)
      .toEqual(calls.map(() => ({ status: 'SUCCEEDED', attempt: 1, losses: 0 })))
    const requests = api.log.filter(({ msg, path }) => msg === 'request' && path === `/api/jobs/${id}`)
    expect(requests[0]).toMatchObject({ status: 200 })
  },
  PATIENCE_MS,
)
