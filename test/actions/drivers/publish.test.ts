/** Jobs that promote versions and roll back, as their owners see them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../../generated/index.ts'
import { actions, jobOf } from '../../jobs/operations.ts'
import { runActions } from '../../runs/operations.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../../support/app.ts'
import { countRows, type Person, publishSite, query, signUp } from '../../support/people.ts'

const OUTCOME = graphql(`
  query PublishOutcome($id: ID!) { run(id: $id) { status output error { code message } steps { kind name output } } }
`)

const ROLL = graphql(`
  mutation RollBetween($artifactId: ID!, $versionNo: Int!) {
    rollbackArtifact(input: { artifactId: $artifactId, versionNo: $versionNo }) { __typename }
  }
`)

const DELETE_VERSION = graphql(`
  mutation DeleteNamedVersion($artifactId: ID!, $versionNo: Int!) {
    deleteVersion(input: { artifactId: $artifactId, versionNo: $versionNo }) { __typename }
  }
`)

const DELETE = graphql(`mutation DeleteNamed($id: ID!) { deleteArtifact(input: { artifactId: $id }) { __typename } }`)

let app: TestApp
let alice: Person
let bob: Person
let api: ReturnType<typeof actions>
let runs: ReturnType<typeof runActions>

beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
  bob = await signUp(app, 'bob')
  api = actions(app, alice.token)
  runs = runActions(app, alice.token)
})
afterAll(() => app?.stop())

/** An artifact with as many versions, the first of which is live. */
async function site(slug: string, versions = 1): Promise<string> {
  const { id } = await publishSite(app, slug, alice.token, { files: [{ path: 'index.html', content: 'version 1' }] })
  for (let no = 2; no <= versions; no++) {
    const files = [{ path: 'index.html', content: `version ${no}` }]
    await publishSite(app, slug, alice.token, { files, deploy: false })
  }
  return id
}

const page = async (slug: string) => (await fetch(`${app.url}/a/${slug}/?_raw`)).text()
const historyOf = async (artifactId: string) => {
  const uuid = artifactId.replace('art_', '')
  const events = await query<{ payload: { versionNo: number }; depth: number }>(
    app,
    'select payload, depth from domain_event where artifact_id = $1::uuid order by id',
    [uuid],
  )
  return events.map(({ payload, depth }) => [payload.versionNo, depth])
}

async function outcomeOf(runId: string) {
  await runs.story(runId)
  return (await app.send(OUTCOME, { id: runId }, { token: alice.token })).data.run
}
const create = async (input: Parameters<typeof api.create>[0]) => jobOf(await api.create(input)).id
const run = async (jobId: string) => outcomeOf(await runs.start(jobId))

describe('a publish action', () => {
  it('makes the newest version of the job’s artifact live', async () => {
    const artifactId = await site('newest', 3)
    const done = await run(await create({ artifactId, actions: [{ publish: {} }] }))
    const output = { versionNo: 3, changed: true, url: `${app.url}/a/newest/` }
    expect(done).toMatchObject({ status: 'SUCCEEDED', output, steps: [{ kind: 'publish', name: 'publish', output }] })
    expect(await page('newest')).toBe('version 3')
    expect(await historyOf(artifactId)).toEqual([
      [1, 0],
      [3, 0],
    ])
  })

  it('leaves a version that is live alone: no deployment, no event', async () => {
    const artifactId = await site('settled', 2)
    const jobId = await create({ artifactId, actions: [{ publish: {} }] })
    await run(jobId)
    const before = await historyOf(artifactId)
    expect(await run(jobId)).toMatchObject({ status: 'SUCCEEDED', output: { versionNo: 2, changed: false } })
    expect(await historyOf(artifactId)).toEqual(before)
  })

  it('makes a version with a number live, of an artifact that the job is not on', async () => {
    const artifactId = await site('numbered', 3)
    const jobId = await create({ actions: [{ publish: { artifactId, versionNo: 2 } }] })
    expect(await run(jobId)).toMatchObject({ output: { versionNo: 2, changed: true } })
    expect(await page('numbered')).toBe('version 2')
  })

  it('rolls back to what was live before, which is not always the number before', async () => {
    const artifactId = await site('back', 3)
    await app.send(ROLL, { artifactId, versionNo: 3 }, { token: alice.token })
    const jobId = await create({ artifactId, actions: [{ publish: { target: 'PREVIOUS' } }] })
    expect(await run(jobId)).toMatchObject({ output: { versionNo: 1, changed: true } })
    expect(await run(jobId)).toMatchObject({ output: { versionNo: 3, changed: true } })
    expect(await page('back')).toBe('version 3')
  })

  it('can be one of several steps, and tells the others what it did', async () => {
    const artifactId = await site('stepwise', 2)
    const jobId = await create({
      artifactId,
      actions: [{ publish: { name: 'promote' } }, { publish: { name: 'undo', target: 'PREVIOUS' } }],
    })
    const { status, steps } = (await run(jobId)) ?? {}
    expect(status).toBe('SUCCEEDED')
    expect(steps).toMatchObject([
      { name: 'promote', output: { versionNo: 2, changed: true } },
      { name: 'undo', output: { versionNo: 1, changed: true } },
    ])
    expect(await page('stepwise')).toBe('version 1')
  })

  it('starts the jobs that wait for the artifact to change, one step deeper in the chain', async () => {
    const [first, second] = [await site('chain-a', 2), await site('chain-b', 2)]
    const relay = { publish: { artifactId: second, versionNo: 2 } }
    const listening = await create({ artifactId: first, eventType: 'artifact.updated', actions: [relay] })
    await run(await create({ artifactId: first, actions: [{ publish: {} }] }))
    await expect.poll(async () => (await runs.runsOf(listening)).map(({ status }) => status)).toEqual(['SUCCEEDED'])
    expect(await historyOf(second)).toEqual([
      [1, 0],
      [2, 1],
    ])
  })
})

describe('what is known when a job is made is an error then, and nothing is written:', () => {
  const refusal = async (input: Parameters<typeof api.create>[0], token = alice.token) => {
    const before = await countRows(app)
    const answer = await actions(app, token).create(input)
    expect(await countRows(app)).toEqual(before)
    if (answer.__typename !== 'ValidationError') throw new Error(JSON.stringify(answer))
    return answer.issues.map(({ path, message }) => `${path}: ${message}`)
  }

  it('no artifact at all', async () => {
    expect(await refusal({ actions: [{ publish: {} }] })).toEqual([
      'actions.0.publish.artifactId: must be given: the job is on no artifact',
    ])
  })

  it('an artifact that is not there, or is another’s', async () => {
    const others = (await publishSite(app, 'bobs', bob.token)).id
    const gone = await site('gone')
    await app.send(DELETE, { id: gone }, { token: alice.token })
    for (const artifactId of [
      others,
      gone,
      `art_${'0'.repeat(32)}`,
      'bobs',
      '',
      `job_${others.slice(4)}`,
      '{{ input }}',
    ]) {
      expect(await refusal({ actions: [{ publish: { artifactId } }] }), artifactId).toEqual([
        'actions.0.publish.artifactId: the job’s owner has no such artifact',
      ])
    }
  })

  it('a job of an administrator on somebody else’s artifact: a job is no administrator', async () => {
    const artifactId = await site('administered')
    expect(await refusal({ artifactId, actions: [{ publish: {} }] }, ADMIN_TOKEN)).toEqual([
      'actions.0.publish.artifactId: the job’s owner may not change the artifact that it is on',
    ])
  })

  it('a version that is not there, or two ways to say which', async () => {
    const artifactId = await site('two', 2)
    for (const [versionNo, message] of [
      [3, 'the artifact has no version 3'],
      [2 ** 31 - 1, `the artifact has no version ${2 ** 31 - 1}`],
      [0, expect.stringMatching(/>=1/)],
    ] as const) {
      const [issue = ''] = await refusal({ artifactId, actions: [{ publish: { versionNo } }] })
      expect(issue.split(/: (.*)/)).toEqual(['actions.0.publish.versionNo', message, ''])
    }
    expect(await refusal({ artifactId, actions: [{ publish: { versionNo: 2, target: 'LATEST' } }] })).toEqual([
      'actions.0.publish.target: cannot be combined with versionNo',
    ])
  })
})

describe('what is gone when a publish action is done fails its step:', () => {
  it('the version', async () => {
    const artifactId = await site('thinned', 2)
    const jobId = await create({ artifactId, actions: [{ publish: { versionNo: 2 } }] })
    await app.send(DELETE_VERSION, { artifactId, versionNo: 2 }, { token: alice.token })
    expect(await run(jobId)).toMatchObject({
      status: 'FAILED',
      error: { code: 'NO_SUCH_VERSION', message: 'the artifact has no version 2' },
    })
    expect(await page('thinned')).toBe('version 1')
  })

  it('a version that was live before, as there never was one', async () => {
    const artifactId = await site('single', 2)
    const jobId = await create({ artifactId, actions: [{ publish: { target: 'PREVIOUS' } }] })
    expect(await run(jobId)).toMatchObject({ status: 'FAILED', error: { code: 'NO_SUCH_VERSION' } })
    expect(await page('single')).toBe('version 1')
  })

  it('the artifact', async () => {
    const artifactId = await site('razed', 2)
    const jobId = await create({ actions: [{ publish: { artifactId } }] })
    await app.send(DELETE, { id: artifactId }, { token: alice.token })
    expect(await run(jobId)).toMatchObject({ status: 'FAILED', error: { code: 'NO_SUCH_ARTIFACT' } })
  })
})
