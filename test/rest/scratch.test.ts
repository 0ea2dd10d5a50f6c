import { it } from 'vitest'
import { createTestApp } from '../support/app.ts'
import { makeStack, publishSite, query, signUp } from '../support/people.ts'
import { rest } from '../support/rest.ts'
import { withStatements } from '../support/statements.ts'

it('x', async () => {
  const app = await createTestApp({ RATE_LIMIT_PER_MINUTE: '1000000' })
  const ann = await signUp(app, 'ann')
  const artifact = (await publishSite(app, 'demo', ann.token, { name: 'The Demo' })).id
  const { id } = await makeStack(app, ann.token, { name: 'work' })
  const [row] = await query<{ number: number }>(app, `select number from stack where id = $1::uuid`, [id.replace('stk_', '')])
  const sched = async () => (await rest(app, 'POST /schedules', { token: ann.token, body: { config: { period: 60 } } })).body.id
  const s1 = await sched()
  const s2 = await sched()
  const bodies: [string, (n: number) => object][] = [
    ['POST /v1/jobs', () => ({ artifact_id: artifact, action: 'webhook', schedule: '0 9 * * 1', config: { url: 'https://example.com/x' } })],
    ['POST /api/jobs', () => ({ name: 'A job', type: 'email', interval: '0 9 * * *' })],
    ['POST /jobs', (n) => ({ schedule_id: n ? s2 : s1, stack_id: row?.number })],
    ['POST /1/jobs', () => ({ url: 'https://example.com/my-callback', cron: '0 15 10 ? * *' })],
  ]
  for (const [route, body] of bodies) {
    await rest(app, route, { token: ann.token, body: body(0) })
    const { answer, statements } = await withStatements((headers) => rest(app, route, { token: ann.token, body: body(1), headers }))
    console.log(route, answer.status, statements.length, '\n' + statements.map((s) => '  ' + s.replace(/\s+/g, ' ').replace(/"public"\./g, '').slice(0, 150)).join('\n'))
  }
  await app.stop()
})
