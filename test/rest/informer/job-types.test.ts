/** What jobs of Informer do by their type and data, and with their datasets, when they run. */
import { simpleParser } from 'mailparser'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startMailServer } from '../../mail/servers.ts'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { makeTeam, type Person, query, signUp } from '../../support/people.ts'
import { startReceiver } from '../../support/receiver.ts'
import { rest } from '../../support/rest.ts'

type Run = { status: string; error: { code: string; message: string; step: string } | null }

function world(app: TestApp, token: string) {
  const call = (route: string, body?: unknown) => rest(app, route, { token, ...(body !== undefined && { body }) })
  return {
    call,
    async make(more: object) {
      const { status, body } = await call('POST /api/jobs', { name: 'Daily Sales', ...more })
      expect([status, body.message]).toEqual([201, undefined])
      return body.id as string
    },
    async dataset(name: string, rows: object[] = []) {
      const { status, body } = await call('POST /api/datasets', { name })
      expect([status, body.message]).toEqual([201, undefined])
      if (rows.length > 0) expect((await call(`POST /api/datasets/${body.id}/rows`, rows)).status).toBe(201)
      return body.id as string
    },
    async rowsOf(id: string) {
      return (await call(`GET /api/datasets/${id}/rows`)).body._embedded['inf:dataset-row']
    },
    async run(id: string): Promise<Run & { success: boolean }> {
      const { status, body } = await call(`POST /api/jobs/${id}`)
      expect([status, body.message]).toEqual([200, undefined])
      const [run] = await query<Run>(app, 'select status, error from run where job_id = $1 order by id desc limit 1', [
        id,
      ])
      return { ...(run as Run), success: body.success }
    },
    snapshotsOf: (id: string) =>
      query<{ row_count: number }>(app, 'select row_count from dataset_snapshot where dataset_id = $1 order by id', [
        id,
      ]),
  }
}

describe('a job of type', () => {
  let app: TestApp
  let ann: Person
  let ask: ReturnType<typeof world>

  beforeAll(async () => {
    app = await createTestApp()
    ann = await signUp(app, 'ann')
    ask = world(app, ann.token)
  })
  afterAll(() => app.stop())

  it('api-call, http and webhook calls, and sends texts with braces as they are', async () => {
    const receiver = await startReceiver()
    for (const type of ['api-call', 'http', 'webhook']) {
      const data = {
        url: `${receiver.url}/{{a}}?b={{b}}`,
        method: 'put',
        headers: { 'X-Count': 7, 'X-Text': 'C:\\{{ run.id }}' },
        body: { text: '{{ run.id }} \\{{', list: ['{{{'] },
      }
      const id = await ask.make({ type, data })
      expect(await ask.run(id)).toMatchObject({ success: true, status: 'SUCCEEDED' })
      const call = receiver.calls.pop()
      expect(call).toMatchObject({ method: 'PUT', headers: { 'x-count': '7', 'x-text': 'C:\\{{ run.id }}' } })
      expect(decodeURIComponent(call?.url ?? '')).toBe('/{{a}}?b={{b}}')
      expect(JSON.parse(call?.body ?? '')).toEqual(data.body)
    }
  })

  it('dataset-refresh puts the rows of an address in the place of those of a dataset', async () => {
    let status = 200
    const source = await startReceiver((response) =>
      response
        .writeHead(status, { 'content-type': 'application/json' })
        .end('[{"port":"Oslo","ships":3},{"port":"Rome"}]'),
    )
    const dataset = await ask.dataset('ports', [{ port: 'Ur' }])
    const id = await ask.make({
      type: 'dataset-refresh',
      data: { datasetId: 'mine', url: `${source.url}/ports` },
      datasets: { mine: 'ports' },
    })
    expect(await ask.run(id)).toMatchObject({ success: true })
    expect(await ask.rowsOf(dataset)).toEqual([{ port: 'Oslo', ships: 3 }, { port: 'Rome' }])
    status = 500
    expect(await ask.run(id)).toMatchObject({ success: false, status: 'FAILED' })
    expect(await ask.rowsOf(dataset)).toHaveLength(2)
  })

  it('snapshot-cleanup deletes all snapshots of a dataset but the newest', async () => {
    const dataset = await ask.dataset('kept')
    const keeper = await ask.make({
      ...{ type: 'snapshot-cleanup', data: { datasetId: dataset, keep: 99 } },
      datasets: { it: { datasetId: dataset, snapshots: { when: 'before' } } },
    })
    for (let rows = 1; rows <= 4; rows++) {
      await ask.call(`POST /api/datasets/${dataset}/rows`, { n: rows })
      await ask.run(keeper)
    }
    const id = await ask.make({ type: 'snapshot-cleanup', data: { datasetId: 'kept', keep: '2' } })
    expect(await ask.run(id)).toMatchObject({ success: true })
    expect((await ask.snapshotsOf(dataset)).map(({ row_count }) => row_count)).toEqual([3, 4])
  })

  const flawed: [string, unknown, string][] = [
    ['sap-sync', {}, 'there is no driver for type sap-sync'],
    ['constructor', {}, 'there is no driver for type constructor'],
    ['email', {}, 'data.to: must be given'],
    ['email', { to: 'nobody', body: 'x' }, 'data.to.0: must be an address'],
    ['email', { recipients: 5 }, 'data.recipients: '],
    ['email', { to: 'a@b.example', body: { a: 1 } }, 'data.body: '],
    ['email', { to: 'a@b.example', subject: ['x'] }, 'data.subject: '],
    ['email', { to: 'a@b.example', attachDatasets: { a: 1 } }, 'data.attachDatasets: '],
    ['email', { to: 'a@b.example', attachDatasets: ['gone'] }, 'data.attachDatasets.0: there is no'],
    ['api-call', {}, 'data.url: must be given'],
    ['api-call', { url: 5 }, 'data.url: '],
    ['api-call', { url: 'nowhere' }, 'data.url: must be an absolute URL'],
    ['api-call', { url: 'http://127.0.0.1:9/', method: 'BREW' }, 'data.method: '],
    ['api-call', { url: 'http://127.0.0.1:9/', headers: [1] }, 'data.headers: '],
    ['api-call', { url: 'http://127.0.0.1:9/', headers: { a: {} } }, 'data.headers.a: '],
    ['dataset-refresh', { datasetId: 'x' }, 'data.url: must be given'],
    ['dataset-refresh', { url: 'http://127.0.0.1:9/' }, 'data.datasetId: must be given'],
    ['dataset-refresh', { datasetId: { a: 1 }, url: 'http://127.0.0.1:9/' }, 'data.datasetId: '],
    ['snapshot-cleanup', { datasetId: 'x' }, 'data.keep: must be given'],
    ['snapshot-cleanup', { keep: 3 }, 'data.datasetId: must be given'],
    ['snapshot-cleanup', { datasetId: 'x', keep: 'few' }, 'data.keep: '],
    ['snapshot-cleanup', { datasetId: 'constructor', keep: 1 }, 'data.datasetId: there is no dataset "constructor"'],
  ]
  it.each(flawed)('%s keeps the data %j, and fails with what is wrong with them', async (type, data, message) => {
    const id = await ask.make({ type, data })
    expect((await ask.call(`GET /api/jobs/${id}`)).body.data).toEqual(data)
    const run = await ask.run(id)
    expect(run).toMatchObject({ success: false, status: 'FAILED' })
    expect(run.error?.message).toContain(message)
  })

  describe('with datasets whose snapshots it keeps', () => {
    it('keeps them before what it does and after it, and none after it has failed', async () => {
      let status = 500
      const receiver = await startReceiver((response) => response.writeHead(status).end())
      const sales = await ask.dataset('sales', [{ n: 1 }])
      const other = await ask.dataset('other', [{ n: 1 }, { n: 2 }])
      const id = await ask.make({
        ...{ type: 'api-call', data: { url: receiver.url } },
        datasets: {
          sales: { datasetId: sales, snapshots: { when: 'before', snapshotDatasets: ['sales'] } },
          other: { datasetId: 'ann:other', snapshots: { when: 'after', snapshotDatasets: [sales, 'ann:other'] } },
        },
      })
      const counts = async () => [(await ask.snapshotsOf(sales)).length, (await ask.snapshotsOf(other)).length]
      expect(await ask.run(id)).toMatchObject({ success: false, error: { step: 'job' } })
      expect(await counts()).toEqual([1, 0])
      status = 200
      expect(await ask.run(id)).toMatchObject({ success: true })
      expect(await counts()).toEqual([3, 1])
      expect(await ask.snapshotsOf(other)).toEqual([{ row_count: 2 }])
    })

    it('keeps each once in a run, also when a step is done over', async () => {
      const sales = await ask.dataset('once', [{ n: 1 }])
      const receiver = await startReceiver((response) =>
        response.writeHead(receiver.calls.length < 3 ? 503 : 200).end(),
      )
      const id = await ask.make({
        ...{ type: 'api-call', data: { url: receiver.url } },
        datasets: { sales: { datasetId: sales, snapshots: { when: 'before' } } },
      })
      await query(app, `update job set max_attempts = 3, initial_delay = 0, jitter = false where id = $1`, [id])
      expect(await ask.run(id)).toMatchObject({ success: true })
      expect(receiver.calls).toHaveLength(3)
      expect(await ask.snapshotsOf(sales)).toHaveLength(1)
    })

    it('is a team’s, and so are they', async () => {
      const team = await makeTeam(app, 'harbour', { ann: 'MEMBER' })
      const receiver = await startReceiver()
      const data = await ask.dataset('berths', [{ n: 1 }])
      const id = await ask.make({
        ...{ type: 'api-call', data: { url: receiver.url } },
        datasets: { it: { datasetId: data, snapshots: { when: 'after' } } },
      })
      const [{ id: owner } = { id: '' }] = await query<{ id: string }>(
        app,
        'select id from principal where handle = $1',
        [team.handle],
      )
      for (const table of ['dataset', 'job'])
        await query(app, `update ${table} set owner_id = $1 where id = $2`, [owner, table === 'job' ? id : data])
      expect(await ask.run(id)).toMatchObject({ success: true })
      expect(await ask.snapshotsOf(data)).toHaveLength(1)
      const { status, body } = await ask.call(`POST /api/jobs/${id}/datasets`, { alias: 'again', datasetId: 'berths' })
      expect([status, body.datasetId]).toEqual([201, data])
    })
  })
})

describe('a job of type email', () => {
  it('mails all of the datasets of the job as CSV, under the name of the job', async () => {
    const server = await startMailServer()
    const app = await createTestApp({ SMTP_URL: `smtp://127.0.0.1:${server.port}` })
    onTestFinished(() => app.stop())
    const ask = world(app, (await signUp(app, 'ann')).token)
    for (const name of ['sales', 'costs', 'a', 'b', 'c', 'd'])
      await ask.dataset(name, [
        { of: name, n: 1 },
        { of: name, n: 2 },
      ])
    const mail = async (data: object) => {
      server.arrived.length = 0
      const datasets = Object.fromEntries(['sales', 'costs', 'a', 'b', 'c', 'd'].map((name) => [`my-${name}`, name]))
      expect(await ask.run(await ask.make({ type: 'email', data, datasets }))).toMatchObject({
        success: true,
        error: null,
      })
      const [only] = server.arrived
      return { ...(await simpleParser(only?.raw ?? '')), sentTo: only?.to }
    }
    const all = await mail({ to: 'x@e.example; y@e.example', body: 'Dear {{ name }}', attachDatasets: true })
    expect(all).toMatchObject({ sentTo: ['x@e.example', 'y@e.example'], subject: 'Daily Sales' })
    expect(all.text).toContain('Dear {{ name }}')
    const files = new Map(all.attachments.map(({ filename, content }) => [filename, content.toString()]))
    expect([...files.keys()].sort()).toEqual(['a.csv', 'b.csv', 'c.csv', 'costs.csv', 'd.csv', 'sales.csv'])
    expect(files.get('sales.csv')).toBe('\uFEFFn,of\r\n1,sales\r\n2,sales\r\n')
    const one = await mail({
      recipients: ['x@e.example'],
      subject: '{{ x }}',
      body: '<p>Hi</p>',
      attachDatasets: 'my-costs',
    })
    expect(one).toMatchObject({ subject: '{{ x }}', html: expect.stringContaining('<p>Hi</p>') })
    expect(one.attachments.map(({ filename }) => filename)).toEqual(['costs.csv'])
    const none = await mail({ to: 'x@e.example', html: '', text: '', attachDatasets: false })
    expect(none.attachments).toEqual([])
  })
})
