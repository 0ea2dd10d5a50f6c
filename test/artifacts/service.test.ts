import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createArtifactService } from '../../src/artifacts/service.ts'
import type { PublishInput } from '../../src/artifacts/spec.ts'
import type { SignedIn } from '../../src/identity/viewer.ts'
import { formatId, newId } from '../../src/kernel/ids.ts'
import { CHANNEL } from '../../src/live/events.ts'
import { createWorld, page, signUp, type World } from './world.ts'

let world: World
let alice: SignedIn
let bob: SignedIn
let admin: SignedIn

beforeAll(async () => {
  world = await createWorld()
  alice = await signUp(world.database, 'alice')
  bob = await signUp(world.database, 'bob')
  admin = await signUp(world.database, 'admin', { isAdmin: true })
})
afterAll(() => world.close())

const publish = (viewer: SignedIn, input: PublishInput) => world.artifacts.publish(viewer, input)
const liveNo = async (artifactId: string) => (await world.artifacts.liveVersions([artifactId]))[0]?.versionNo
const fails = (code: string) => expect.objectContaining({ code })
const without = (viewer: SignedIn, scope: string) => ({
  ...viewer,
  scopes: new Set([...viewer.scopes].filter((each) => each !== scope)),
})

describe('publishing', () => {
  test('makes the artifact, its first version and its first deployment, and says so once', async () => {
    const { prisma } = world.database
    const { versionId, ...artifact } = await publish(
      alice,
      page('first', 'hello', { name: 'First', description: 'the first' }),
    )
    expect(artifact).toMatchObject({ name: 'First', slug: 'first', description: 'the first', visibility: 'PUBLIC' })
    expect(artifact).toMatchObject({ ownerId: alice.principalId, createdById: alice.principalId, deletedAt: null })
    expect(artifact).toEqual(await prisma.artifact.findUnique({ where: { id: artifact.id } }))

    const [version] = await world.artifacts.liveVersions([artifact.id])
    expect(version).toMatchObject({
      id: versionId,
      versionNo: 1,
      entrypoint: 'index.html',
      fileCount: 1,
      sizeBytes: 12n,
    })
    expect(version).toEqual(await prisma.artifactVersion.findFirst({ where: { artifactId: artifact.id } }))
    expect(await prisma.deployment.findMany({ where: { artifactId: artifact.id } })).toMatchObject([
      { deploymentNo: 1 },
    ])
    const events = await prisma.domainEvent.findMany({ where: { artifactId: artifact.id } })
    expect(events).toMatchObject([{ type: 'artifact.updated', ownerId: alice.principalId, dispatchedAt: null }])
    expect(events[0]?.payload).toEqual({
      artifactId: formatId('Artifact', artifact.id),
      versionNo: 1,
      versionId: formatId('ArtifactVersion', version?.id ?? ''),
      deployment: 1,
    })
  })

  test('tells the outbox, those who serve sites and those who watch it when it commits', async () => {
    const listener = new pg.Client(world.database.connection)
    await listener.connect()
    await listener.query(`listen ${CHANNEL}`)
    const told: (string | undefined)[] = []
    listener.on('notification', ({ payload }) => told.push(payload))
    const { id } = await publish(alice, page('telling'))
    await expect.poll(() => told.toSorted()).toEqual([`artifacts:${id}`, 'outbox', 'sites'])
    await listener.end()
  })

  test('to one’s own slug adds a version and leaves what it does not mention', async () => {
    const first = await publish(alice, page('again', '1', { visibility: 'UNLISTED', description: 'kept' }))
    const second = await publish(alice, page('again', '2', { name: 'New name' }))
    expect(second).toMatchObject({ id: first.id, name: 'New name', visibility: 'UNLISTED', description: 'kept' })
    expect(second.updatedAt > first.updatedAt).toBe(true)
    const third = await publish(alice, page('again', '3', { visibility: 'PUBLIC', description: null }))
    expect(third).toMatchObject({ visibility: 'PUBLIC', description: null })
    expect(await liveNo(first.id)).toBe(3)
  })

  test('takes the slug from the name if none is given', async () => {
    const files = [{ path: 'index.html', content: '' }]
    expect(await publish(alice, { name: 'Weekly  Report!', files })).toMatchObject({ slug: 'weekly-report' })
    expect(await publish(alice, { name: 'weekly report', slug: null, files })).toMatchObject({ slug: 'weekly-report' })
  })

  test('to another’s slug is SLUG_TAKEN, for administrators too', async () => {
    const { id } = await publish(alice, page('mine'))
    for (const viewer of [bob, admin]) await expect(publish(viewer, page('mine'))).rejects.toEqual(fails('SLUG_TAKEN'))
    expect(await liveNo(id)).toBe(1)
  })

  test('keeps content once per owner, however many files and versions have it', async () => {
    const { prisma } = world.database
    const carol = await signUp(world.database, 'carol')
    const twice = { files: ['index.html', 'copy.html'].map((path) => ({ path, content: 'the same' })) }
    await publish(carol, page('same', '', twice))
    await publish(carol, page('same', '', twice))
    await publish(carol, page('same-too', '', twice))
    expect(await prisma.blob.count({ where: { ownerId: carol.principalId } })).toBe(1)
  })

  test('brings thousands of files and large ones back as they were', async () => {
    const { prisma } = world.database
    const small = Array.from({ length: 3000 }, (_, index) => ({ path: `d/${index}.txt`, content: `file ${index}` }))
    const large = [1, 9, 4].map((MiB) => Buffer.alloc(MiB * 1024 * 1024, `${MiB}\0\xff`, 'latin1'))
    const files: PublishInput['files'] = large.map((bytes, index) => {
      return { path: `l/${index}`, content: bytes.toString('base64'), encoding: 'BASE64' }
    })
    const artifact = await publish(alice, page('large', '', { entrypoint: 'l/0', files: [...files, ...small] }))
    const [version] = await world.artifacts.liveVersions([artifact.id])
    expect(version?.fileCount).toBe(3003)
    for (const [path, content] of [
      ...large.map((bytes, index) => [`l/${index}`, bytes] as const),
      ...[0, 1, 1499, 2999].map((index) => [`d/${index}.txt`, Buffer.from(`file ${index}`)] as const),
    ]) {
      const where = { versionId_path: { versionId: version?.id ?? '', path } }
      const { digest, sizeBytes } = await prisma.versionFile.findUniqueOrThrow({ where })
      expect(sizeBytes).toBe(content.length)
      expect((await world.storage.read(alice.principalId, digest))?.equals(content)).toBe(true)
    }
  })

  test('that fails half-way leaves nothing', async () => {
    const { prisma, pool } = world.database
    const storage = {
      ...world.storage,
      put: async (...args: Parameters<typeof world.storage.put>) => {
        await world.storage.put(...args)
        throw new Error('the disk is full')
      },
    }
    const failing = createArtifactService({ ...world, prisma, pool, storage, now: () => new Date() })
    const dave = await signUp(world.database, 'dave')
    await expect(failing.publish(dave, page('half'))).rejects.toThrow('the disk is full')
    expect(await prisma.artifact.count({ where: { slug: 'half' } })).toBe(0)
    expect(await prisma.blob.count({ where: { ownerId: dave.principalId } })).toBe(0)
  })

  test('many at once to one new slug become versions without a gap', async () => {
    const { prisma } = world.database
    const files = Array.from({ length: 20 }, (_, index) => ({ path: `${index}`, content: `shared ${index}` }))
    const inputs = Array.from({ length: 12 }, (_, index) =>
      page('rush', '', { entrypoint: '0', files: index % 2 ? files : files.toReversed() }),
    )
    const ids = (await Promise.all(inputs.map((input) => publish(alice, input)))).map(({ id }) => id)
    expect(new Set(ids).size).toBe(1)
    const where = { artifactId: ids[0] ?? '' }
    const numbers = Array.from({ length: 12 }, (_, index) => index + 1)
    const versions = await prisma.artifactVersion.findMany({ where, orderBy: { versionNo: 'asc' } })
    const deployments = await prisma.deployment.findMany({ where, orderBy: { deploymentNo: 'asc' } })
    expect(versions.map(({ versionNo }) => versionNo)).toEqual(numbers)
    expect(deployments.map(({ deploymentNo }) => deploymentNo)).toEqual(numbers)
    expect(await prisma.domainEvent.count({ where })).toBe(12)
  })

  test('of two owners who want one new slug, one gets it and the other is told', async () => {
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.allSettled([alice, bob].map((viewer) => publish(viewer, page(`race-${round}`))))
      const reasons = answers.filter((answer) => answer.status === 'rejected').map(({ reason }) => reason)
      expect(reasons).toEqual([fails('SLUG_TAKEN')])
    }
  })

  test('shared content in any order deadlocks nobody', async () => {
    // Large enough that each file is a statement of its own, so that the two can meet between them.
    const files = ['a', 'b', 'c', 'd'].map((path) => ({ path, content: path.repeat(5 * 1024 * 1024) }))
    const some = (slug: string, order: typeof files) => page(slug, '', { entrypoint: 'a', files: order })
    await Promise.all([publish(bob, some('this-way', files)), publish(bob, some('that-way', files.toReversed()))])
  })

  test('needs the scope, and says what is wrong with the input', async () => {
    await expect(world.artifacts.publish(null, page('anon'))).rejects.toEqual(fails('UNAUTHENTICATED'))
    const readOnly = without(alice, 'artifacts:write')
    await expect(publish(readOnly, page('anon'))).rejects.toEqual(fails('INSUFFICIENT_SCOPE'))
    await expect(publish(alice, page('a--v1', '', { entrypoint: 'x' }))).rejects.toMatchObject({
      issues: [{ path: 'slug' }, { path: 'entrypoint' }],
    })
  })
})

describe('versions', () => {
  test('rolling back makes an earlier one live, in a new deployment, and says so', async () => {
    const { prisma } = world.database
    const { id } = await publish(alice, page('back', '1'))
    await publish(alice, page('back', '2'))
    expect(await world.artifacts.rollback(alice, { artifactId: id, versionNo: 1 })).toMatchObject({ id })
    expect(await liveNo(id)).toBe(1)
    const events = await prisma.domainEvent.findMany({ where: { artifactId: id }, orderBy: { id: 'asc' } })
    expect(events.at(-1)?.payload).toMatchObject({ versionNo: 1, deployment: 3 })
    await publish(alice, page('back', '3'))
    expect(await liveNo(id)).toBe(3)
    const missing = world.artifacts.rollback(alice, { artifactId: id, versionNo: 9 })
    await expect(missing).rejects.toEqual(fails('NOT_FOUND'))
  })

  test('the live one cannot be deleted, others can, with their files', async () => {
    const { prisma } = world.database
    const { id } = await publish(alice, page('prune', '1'))
    await publish(alice, page('prune', '2'))
    const remove = (versionNo: number) => world.artifacts.deleteVersion(alice, { artifactId: id, versionNo })
    await expect(remove(2)).rejects.toEqual(fails('CONFLICT'))
    const gone = await remove(1)
    expect(gone).toMatchObject({ artifactId: id, versionNo: 1 })
    expect(await prisma.versionFile.count({ where: { versionId: gone.id } })).toBe(0)
    await expect(remove(1)).rejects.toEqual(fails('NOT_FOUND'))
    expect(await liveNo(id)).toBe(2)
    await publish(alice, page('prune', '3'))
    expect(await liveNo(id)).toBe(3)
  })

  test('many rollbacks at once are deployments without a gap', async () => {
    const { id } = await publish(alice, page('to-and-fro', '1'))
    await publish(alice, page('to-and-fro', '2'))
    const versions = Array.from({ length: 10 }, (_, index) => 1 + (index % 2))
    await Promise.all(versions.map((versionNo) => world.artifacts.rollback(alice, { artifactId: id, versionNo })))
    const deployments = await world.database.prisma.deployment.findMany({ where: { artifactId: id } })
    expect(new Set(deployments.map(({ deploymentNo }) => deploymentNo))).toEqual(
      new Set(Array.from({ length: 12 }, (_, index) => index + 1)),
    )
  })

  test('of a rollback to a version and its deletion at once, one is refused', async () => {
    for (let round = 0; round < 10; round++) {
      const { id } = await publish(alice, page(`both-${round}`, '1'))
      await publish(alice, page(`both-${round}`, '2'))
      const ref = { artifactId: id, versionNo: 1 }
      const answers = await Promise.allSettled([
        world.artifacts.rollback(alice, ref),
        world.artifacts.deleteVersion(alice, ref),
      ])
      const refused = answers.map((answer) => answer.status === 'rejected' && answer.reason.code)
      expect([
        [false, 'CONFLICT'],
        ['NOT_FOUND', false],
      ]).toContainEqual(refused)
      expect(await liveNo(id)).toBe(refused[0] ? 2 : 1)
    }
  })

  test('are listed page by page, the newest first', async () => {
    const { id } = await publish(alice, page('pages', '1'))
    for (const text of ['2', '3', '4', '5']) await publish(alice, page('pages', text))
    const read = async (args: Parameters<World['artifacts']['versions']>[2]) => {
      const { edges, pageInfo, totalCount } = await world.artifacts.versions(bob, id, args)
      expect(await totalCount()).toBe(5)
      return { numbers: edges.map(({ node }) => node.versionNo), ...pageInfo }
    }
    const start = await read({ first: 2 })
    const after = start.endCursor
    expect(start).toMatchObject({ numbers: [5, 4], hasPreviousPage: false, hasNextPage: true })
    expect(await read({ first: 9, after })).toMatchObject({
      numbers: [3, 2, 1],
      hasPreviousPage: true,
      hasNextPage: false,
    })
    expect(await read({ last: 2 })).toMatchObject({ numbers: [2, 1], hasPreviousPage: true, hasNextPage: false })
    expect(await read({ last: 1, before: after })).toMatchObject({ numbers: [5], hasPreviousPage: false })
    for (const cursor of ['x', 'WyJhIl0', 'WzFlOTld', 'W251bGxd']) {
      await expect(read({ after: cursor })).rejects.toEqual(fails('VALIDATION'))
    }
  })

  test('files are listed by path, at most 100 at a time', async () => {
    const files = Array.from({ length: 150 }, (_, index) => ({ path: `f${1000 + index}`, content: '' }))
    const { id } = await publish(alice, page('files', '', { entrypoint: 'f1000', files }))
    const [version] = await world.artifacts.liveVersions([id])
    const paths = async (first: number, after: string | null) =>
      (await world.artifacts.files(version?.id ?? '', first, after)).map(({ path }) => path)
    expect(await paths(2, null)).toEqual(['f1000', 'f1001'])
    expect(await paths(100, 'f1099')).toHaveLength(50)
    await expect(paths(101, null)).rejects.toEqual(fails('VALIDATION'))
    await expect(paths(1, '\0')).rejects.toEqual(fails('VALIDATION'))
  })
})

describe('rights', () => {
  /** The codes with which every way of changing it fails. */
  async function refusals(viewer: SignedIn, artifactId: string): Promise<string[]> {
    const answers = await Promise.allSettled([
      world.artifacts.update(viewer, { artifactId, name: 'x' }),
      world.artifacts.rollback(viewer, { artifactId, versionNo: 1 }),
      world.artifacts.deleteVersion(viewer, { artifactId, versionNo: 1 }),
      world.artifacts.remove(viewer, artifactId),
      world.artifacts.restore(viewer, artifactId),
    ])
    return answers.map((answer) => (answer.status === 'rejected' ? answer.reason.code : 'done'))
  }

  test('what one may read but not change is FORBIDDEN, what one may not read is NOT_FOUND', async () => {
    for (const [visibility, code] of [
      ['PUBLIC', 'FORBIDDEN'],
      ['UNLISTED', 'FORBIDDEN'],
      ['PRIVATE', 'NOT_FOUND'],
    ] as const) {
      const { id } = await publish(alice, page(`rights-${visibility.toLowerCase()}`, '', { visibility }))
      expect(await refusals(bob, id)).toEqual(Array(5).fill(code))
      expect((await world.artifacts.find(bob, { id })) === null).toBe(visibility === 'PRIVATE')
      expect((await world.artifacts.find(null, { id })) === null).toBe(visibility === 'PRIVATE')
      expect(await world.artifacts.find(admin, { id })).toMatchObject({ id })
      if (visibility === 'PRIVATE') {
        await expect(world.artifacts.versions(bob, id, {})).rejects.toEqual(fails('NOT_FOUND'))
        expect(await world.artifacts.find(without(alice, 'artifacts:read'), { id })).toBeNull()
      }
    }
    expect(await refusals(alice, newId())).toEqual(Array(5).fill('NOT_FOUND'))
  })

  test('changing needs the scope', async () => {
    const { id } = await publish(alice, page('scoped'))
    expect(await refusals(without(alice, 'artifacts:write'), id)).toEqual(Array(5).fill('INSUFFICIENT_SCOPE'))
  })

  test('administrators may change anything', async () => {
    const { id } = await publish(alice, page('by-admin'))
    expect(await world.artifacts.update(admin, { artifactId: id, name: 'Mended' })).toMatchObject({ name: 'Mended' })
  })

  test('ids are answered in their order, with null for what is missing or not to be read', async () => {
    const open = await publish(alice, page('open'))
    const shut = await publish(alice, page('shut', '', { visibility: 'PRIVATE' }))
    const ids = [newId(), shut.id, open.id, open.id]
    const found = async (viewer: SignedIn | null) =>
      (await world.artifacts.byIds(viewer, ids)).map((artifact) => artifact?.slug ?? null)
    expect(await found(bob)).toEqual([null, null, 'open', 'open'])
    expect(await found(alice)).toEqual([null, 'shut', 'open', 'open'])
    const [version] = await world.artifacts.liveVersions([shut.id])
    const versionIds = [version?.id ?? '', newId()]
    expect(await world.artifacts.versionsByIds(bob, versionIds)).toEqual([null, null])
    expect(await world.artifacts.versionsByIds(alice, versionIds)).toEqual([version, null])
  })
})

describe('changing and deleting', () => {
  test('absent fields stay, and null clears the description', async () => {
    const { id } = await publish(alice, page('edit', '', { description: 'text' }))
    const update = (input: object) => world.artifacts.update(alice, { artifactId: id, ...input })
    expect(await update({ name: 'Edited' })).toMatchObject({ name: 'Edited', description: 'text' })
    expect(await update({ description: null, visibility: 'PRIVATE' })).toMatchObject({ description: null })
    expect(await update({ name: undefined })).toMatchObject({ name: 'Edited', visibility: 'PRIVATE' })
    await expect(update({ name: null })).rejects.toMatchObject({ issues: [{ path: 'name' }] })
  })

  test('a deleted artifact is gone at once, and comes back whole', async () => {
    const { id } = await publish(alice, page('gone'))
    expect(await world.artifacts.remove(alice, id)).toMatchObject({ id, deletedAt: expect.any(Date) })
    const [version] = await world.artifacts.liveVersions([id])
    expect(await world.artifacts.find(alice, { id })).toBeNull()
    expect(await world.artifacts.find(admin, { slug: 'gone' })).toBeNull()
    expect(await world.artifacts.byIds(alice, [id])).toEqual([null])
    expect(await world.artifacts.versionsByIds(alice, [version?.id ?? ''])).toEqual([null])
    expect((await world.artifacts.list(alice, { filter: { search: 'gone' } })).edges).toEqual([])
    await expect(world.artifacts.remove(alice, id)).rejects.toEqual(fails('NOT_FOUND'))
    await expect(world.artifacts.rollback(alice, { artifactId: id, versionNo: 1 })).rejects.toEqual(fails('NOT_FOUND'))
    await expect(world.artifacts.restore(bob, id)).rejects.toEqual(fails('NOT_FOUND'))
    await expect(world.artifacts.versions(bob, id, {})).rejects.toEqual(fails('NOT_FOUND'))
    expect((await world.artifacts.versions(alice, id, {})).edges).toHaveLength(1)

    expect(await world.artifacts.restore(alice, id)).toMatchObject({ id, deletedAt: null })
    expect(await world.artifacts.restore(alice, id)).toMatchObject({ id, deletedAt: null })
    expect(await world.artifacts.find(null, { slug: 'gone' })).toMatchObject({ id })
  })

  test('its slug is its owner’s for 30 days: theirs to publish to, taken for others', async () => {
    const { id } = await publish(alice, page('kept'))
    await world.artifacts.remove(alice, id)
    await expect(publish(bob, page('kept'))).rejects.toEqual(fails('SLUG_TAKEN'))
    expect(await publish(alice, page('kept', '2'))).toMatchObject({ id, deletedAt: null })
    expect(await liveNo(id)).toBe(2)
  })

  test('after 30 days it cannot be restored and the slug is free', async () => {
    const DAY = 86_400_000
    const { id } = await publish(alice, page('old'))
    world.clock.now = () => new Date(Date.now() - 30 * DAY - 1000)
    await world.artifacts.remove(alice, id)
    world.clock.now = () => new Date(Date.now() - 2000)
    await expect(publish(bob, page('old'))).rejects.toEqual(fails('SLUG_TAKEN'))
    world.clock.now = () => new Date()
    await expect(world.artifacts.restore(alice, id)).rejects.toEqual(fails('CONFLICT'))
    const next = await publish(bob, page('old'))
    expect(next.id).not.toBe(id)
    expect(await world.artifacts.find(null, { slug: 'old' })).toMatchObject({ id: next.id })
    await expect(publish(alice, page('old'))).rejects.toEqual(fails('SLUG_TAKEN'))
  })
})

describe('the list', () => {
  let lister: World
  let owner: SignedIn
  let other: SignedIn
  let boss: SignedIn

  beforeAll(async () => {
    lister = await createWorld()
    owner = await signUp(lister.database, 'owner')
    other = await signUp(lister.database, 'other')
    boss = await signUp(lister.database, 'boss', { isAdmin: true })
    const team = await signUp(lister.database, 'team:analytics')
    for (const [viewer, slug, visibility] of [
      [owner, 'o-public', 'PUBLIC'],
      [owner, 'o-unlisted', 'UNLISTED'],
      [owner, 'o-private', 'PRIVATE'],
      [other, 'x-public', 'PUBLIC'],
      [other, 'x-unlisted', 'UNLISTED'],
      [other, 'x-private', 'PRIVATE'],
      [team, 't-100', 'PUBLIC'],
    ] as const) {
      const name = slug === 't-100' ? '100%_\\ sure' : slug
      await lister.artifacts.publish(viewer, page(slug, '', { visibility, name, description: `About ${slug}` }))
    }
  })
  afterAll(() => lister.close())

  type Args = Parameters<World['artifacts']['list']>[1]
  const slugs = async (viewer: SignedIn | null, args: Args = {}) => {
    const { edges } = await lister.artifacts.list(viewer, args)
    return edges.map(({ node }) => node.slug)
  }

  test('has one’s own and the public ones of others; all of them for administrators', async () => {
    expect(await slugs(null)).toEqual(['t-100', 'x-public', 'o-public'])
    expect(await slugs(without(owner, 'artifacts:read'))).toEqual(['t-100', 'x-public', 'o-public'])
    expect(await slugs(owner)).toEqual(['t-100', 'x-public', 'o-private', 'o-unlisted', 'o-public'])
    expect(await slugs(boss)).toHaveLength(7)
  })

  test('is searched in names, slugs and descriptions, in any case and without wildcards', async () => {
    const found = (search: string) => slugs(boss, { filter: { search } })
    expect(await found('PRIVATE')).toEqual(['x-private', 'o-private'])
    expect(await found('about o-')).toHaveLength(3)
    for (const search of ['%_', '\\', '100%', '_\\ s'])
      expect([search, await found(search)]).toEqual([search, ['t-100']])
    expect(await found('o_public')).toEqual([])
    expect(await found('')).toHaveLength(7)
  })

  test('is narrowed to an owner, a team with or without its prefix', async () => {
    for (const ownerHandle of ['analytics', 'team:analytics']) {
      expect(await slugs(null, { filter: { ownerHandle } })).toEqual(['t-100'])
    }
    expect(await slugs(owner, { filter: { ownerHandle: 'other' } })).toEqual(['x-public'])
    expect(await slugs(boss, { filter: { ownerHandle: 'other', search: 'unl' } })).toEqual(['x-unlisted'])
    expect(await slugs(boss, { filter: { ownerHandle: 'nobody' } })).toEqual([])
  })

  test('is walked forwards and backwards without a gap or a repeat', async () => {
    const all = await slugs(boss)
    for (const [orderBy, expected] of [
      ['NEWEST', all],
      ['OLDEST', all.toReversed()],
    ] as const) {
      const forwards: string[] = []
      for (let after: string | null = null, more = true; more; ) {
        const { edges, pageInfo }: Awaited<ReturnType<World['artifacts']['list']>> = await lister.artifacts.list(boss, {
          orderBy,
          first: 2,
          after,
        })
        forwards.push(...edges.map(({ node }) => node.slug))
        after = pageInfo.endCursor
        more = pageInfo.hasNextPage
      }
      expect(forwards).toEqual(expected)
      const last = await lister.artifacts.list(boss, { orderBy, last: 3 })
      expect(last.edges.map(({ node }) => node.slug)).toEqual(expected.slice(-3))
      const before = last.pageInfo.startCursor
      expect(await slugs(boss, { orderBy, last: 2, before })).toEqual(expected.slice(2, 4))
    }
  })

  test('counts all pages together, under the same filter', async () => {
    const count = async (viewer: SignedIn | null, args: Args) =>
      (await lister.artifacts.list(viewer, args)).totalCount()
    expect(await count(boss, { first: 1 })).toBe(7)
    expect(await count(null, { first: 0 })).toBe(3)
    expect(await count(owner, { filter: { search: 'private' } })).toBe(1)
  })

  test('refuses cursors of other lists', async () => {
    for (const cursor of ['x', 'WzFd', 'WyJhIl0']) {
      await expect(slugs(boss, { after: cursor })).rejects.toEqual(fails('VALIDATION'))
    }
  })
})
