/** What every peer does: `POST /publish?count=N` sends N events, any other request tells nothing but that it is there. */

export const EVENT = {
  __typename: 'RunStarted',
  cursor: '1234567',
  seq: 2,
  at: '2026-01-01T00:00:00.000Z',
  run: { id: 'run_01900000000070008000000000000000', status: 'RUNNING' },
}

export const TYPES = `
  type Query { ok: Boolean }
  type Run { id: ID! status: String! }
  type RunStarted { cursor: String! seq: Int! at: String! run: Run! }
  type Subscription { runEvents(jobId: ID): RunStarted! }`

export const PORT = Number(process.env.PORT)

export async function publishAsAsked(url, publish) {
  const { pathname, searchParams } = new URL(url, 'http://localhost')
  if (pathname === '/publish') for (let n = Number(searchParams.get('count')); n > 0; n--) await publish()
}
