/** Tokens that are good for the data of one artifact only: whoever opens them says for which. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createCollaborationService } from '../../../src/collaboration/service.ts'
import { createDataService } from '../../../src/data/service.ts'
import { createDocumentService } from '../../../src/documents/service.ts'
import { createIdentityService } from '../../../src/identity/service.ts'
import { formatId } from '../../../src/kernel/ids.ts'
import { createLog } from '../../../src/kernel/log.ts'
import { createShareout } from '../../../src/rest/shareout/dialect.ts'
import { createWorld, page, signUp, type World } from '../../artifacts/world.ts'

let world: World
let ask: (method: string, path: string, token: string, body?: string) => Promise<number>
let [own, other, tokenId] = ['', '', '']

beforeAll(async () => {
  world = await createWorld()
  const { database, artifacts } = world
  const identity = createIdentityService(database)
  const alice = await signUp(database, 'alice')
  own = (await artifacts.publish(alice, page('own', '', { visibility: 'PRIVATE' }))).id
  other = (await artifacts.publish(alice, page('other', '', { visibility: 'PRIVATE' }))).id
  tokenId = (await identity.createToken(alice, { name: 'a page' })).apiToken.id
  const dialect = createShareout({
    ...{ identity, log: createLog('fatal'), publicUrl: 'https://runsheet.example' },
    collaboration: createCollaborationService(database),
    data: createDataService({ ...database, artifacts, limits: { rows: 10 } }),
    documents: createDocumentService(database),
    openDataToken: (token, artifactId) => (token === 'rsd_own' && artifactId === own ? tokenId : null),
  })
  ask = async (method, path, token, body) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const init = { method, headers, ...(body !== undefined && { body }) }
    return (await dialect.fetch(new Request(`https://runsheet.example${path}`, init))).status
  }
})
afterAll(() => world.close())

it('is as good as the token that it was made for, for that data and nothing else', async () => {
  const [mine, others] = [formatId('Artifact', own), formatId('Artifact', other)]
  expect(await ask('PUT', `/v1/data/${mine}/json/k`, 'rsd_own', '1')).toBe(201)
  expect(await ask('GET', `/v1/data/${mine}/json/k`, 'rsd_own')).toBe(200)
  expect(await ask('GET', `/v1/data/${mine}/tables`, 'rsd_own')).toBe(200)
  expect(await ask('GET', `/v1/data/${mine}/json/k`, 'rsd_other')).toBe(401)
  expect(await ask('GET', `/v1/data/${others}/json/k`, 'rsd_own')).toBe(401)
  for (const path of ['/v1/auth/profile', `/v1/artifacts/${mine}/collaborators`, `/v1/data/${mine}`]) {
    expect(await ask('GET', path, 'rsd_own'), path).toBe(401)
  }
})

it('ends with the token that it was made for', async () => {
  await world.database.prisma.apiToken.update({ where: { id: tokenId }, data: { revokedAt: new Date() } })
  expect(await ask('GET', `/v1/data/${formatId('Artifact', own)}/json/k`, 'rsd_own')).toBe(401)
})
