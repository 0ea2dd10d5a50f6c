/** The data of artifacts as ShareOut's clients ask for it: tables, rows, documents. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { countRows, type Person, publishSite, signUp } from '../../support/people.ts'
import { type RestOptions, rest } from '../../support/rest.ts'

let app: TestApp
let owner: Person
let id: string

beforeAll(async () => {
  app = await createTestApp()
  owner = await signUp(app, 'owner', 'owner@example.org')
  id = (await publishSite(app, 'shop', owner.token)).id
})
afterAll(() => app?.stop())

const data = (route: string, body?: unknown, more: RestOptions = {}) => {
  const [method, path] = route.split(' ')
  return rest(app, `${method} /v1/data/${id}${path}`, { token: owner.token, body, ...more })
}

let tables = 0
async function newTable(rows: object[]): Promise<string> {
  const name = `t${++tables}`
  const { body, status } = await data(`POST /tables/${name}`, { rows })
  expect(status, JSON.stringify(body)).toBe(201)
  return `/tables/${name}`
}

const GOODS = [
  { name: 'apple', price: 3, tags: ['new', 'red'], at: { city: 'Rome' } },
  { name: 'pear', price: 10, tags: [], at: { city: 'Bonn' } },
  { name: 'plum', price: 7.5, sold: true },
]

describe('a table', () => {
  it('is made by its first row, and rows have an id and times', async () => {
    const { status, body } = await data('POST /tables/people', { name: 'Ann', age: 30 })
    const row = {
      ...{ name: 'Ann', age: 30, id: expect.stringMatching(/^row_[0-9a-f]{32}$/) },
      ...{ createdAt: expect.stringMatching(/^\d{4}-.*Z$/), updatedAt: expect.stringMatching(/^\d{4}-.*Z$/) },
    }
    expect([status, body]).toEqual([201, { success: true, data: { inserted: [row], count: 1 } }])
    const all = await data('GET /tables')
    expect(all.body.data.tables).toContainEqual(expect.objectContaining({ name: 'people', rowCount: 1 }))
  })

  it('takes many rows, in order, and a row that has a field called rows', async () => {
    const { body } = await data('POST /tables/many', { rows: [{ n: 1 }, { n: 2 }] })
    expect(body.data).toMatchObject({ inserted: [{ n: 1 }, { n: 2 }], count: 2 })
    const odd = await data('POST /tables/many', { rows: [1, 2], n: 3 })
    expect(odd.body.data).toMatchObject({ inserted: [{ rows: [1, 2], n: 3 }], count: 1 })
  })

  it('is made once by many that are first', async () => {
    const answers = await Promise.all([1, 2, 3, 4].map((n) => data('POST /tables/race', { n })))
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201])
    expect((await data('POST /tables/race/count', {})).body.data).toEqual({ count: 4 })
  })

  it('is dropped when that is confirmed, and then is not there', async () => {
    const table = await newTable(GOODS)
    expect(await data(`DELETE ${table}`)).toMatchObject({ status: 400, body: { param: 'filter' } })
    expect(await data(`DELETE ${table}?confirm=yes`)).toMatchObject({ status: 400, body: { param: 'confirm' } })
    const both = await data(`DELETE ${table}?confirm=true`, { filter: { price: 3 } })
    expect(both).toMatchObject({ status: 400, body: { param: 'confirm' } })
    expect(await data(`DELETE ${table}?confirm=true`)).toMatchObject({
      body: { success: true, data: { dropped: table.slice('/tables/'.length) } },
    })
    expect(await data(`POST ${table}/query`, {})).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } })
  })

  it.each([
    ['POST /tables/bad', '{', 'INVALID_JSON', undefined],
    ['POST /tables/bad', [1], 'VALIDATION_ERROR', undefined],
    ['POST /tables/bad', { rows: [] }, 'VALIDATION_ERROR', 'rows'],
    ['POST /tables/bad', { rows: [{}, 1] }, 'VALIDATION_ERROR', 'rows.1'],
    ['POST /tables/bad', { rows: Array.from({ length: 1001 }, () => ({})) }, 'VALIDATION_ERROR', 'rows'],
    ['POST /tables/bad', { a: 'x\0' }, 'VALIDATION_ERROR', 'rows.0'],
    ['POST /tables/-bad', { a: 1 }, 'VALIDATION_ERROR', 'table'],
    ['POST /tables/b%20ad', { a: 1 }, 'VALIDATION_ERROR', 'table'],
    [`POST /tables/${'x'.repeat(101)}`, { a: 1 }, 'VALIDATION_ERROR', 'table'],
    ['POST /tables/people/query', { limit: 0 }, 'VALIDATION_ERROR', 'limit'],
    ['POST /tables/people/query', { limit: 1001 }, 'VALIDATION_ERROR', 'limit'],
    ['POST /tables/people/query', { skip: -1 }, 'VALIDATION_ERROR', 'skip'],
    ['POST /tables/people/query', { sort: { name: 'up' } }, 'VALIDATION_ERROR', 'sort.name'],
    ['POST /tables/people/query', { filter: { age: { $near: 1 } } }, 'VALIDATION_ERROR', 'filter.age.$near'],
    ['PATCH /tables/people', { filter: {}, set: { a: 1 } }, 'VALIDATION_ERROR', 'filter'],
    ['PATCH /tables/people', { set: { a: 1 } }, 'VALIDATION_ERROR', 'filter'],
    ['DELETE /tables/people', { filter: { $and: [{}] } }, 'VALIDATION_ERROR', 'filter'],
    ['DELETE /tables/people', '{', 'INVALID_JSON', undefined],
  ])('refuses %s %j: %s', async (route, body, code, param) => {
    const before = await countRows(app)
    const answer = await data(route, body)
    expect([answer.status, answer.body.success, answer.body.code]).toEqual([400, false, code])
    if (param) expect(answer.body.param).toBe(param)
    expect(await countRows(app)).toEqual(before)
  })
})

describe('a query', () => {
  let table: string
  beforeAll(async () => {
    table = await newTable(GOODS)
  })
  const names = async (filter: object, more: object = {}) =>
    (await data(`POST ${table}/query`, { filter, ...more })).body.data.rows.map((row: { name: string }) => row.name)

  it.each([
    [{}, ['apple', 'pear', 'plum']],
    [{ name: 'pear' }, ['pear']],
    [{ price: { $eq: 3 } }, ['apple']],
    [{ price: { $ne: 3 } }, ['pear', 'plum']],
    [{ price: { $gt: 7.5 } }, ['pear']],
    [{ price: { $gte: 7.5 } }, ['pear', 'plum']],
    [{ price: { $lt: 7.5 } }, ['apple']],
    [{ price: { $lte: 7.5 } }, ['apple', 'plum']],
    [{ name: { $in: ['plum', 'x'] } }, ['plum']],
    [{ name: { $nin: ['plum', 'x'] } }, ['apple', 'pear']],
    [{ tags: { $contains: 'red' } }, ['apple']],
    [{ name: { $contains: 'ea' } }, ['pear']],
    [{ name: { $startsWith: 'p' } }, ['pear', 'plum']],
    [{ name: { $endsWith: 'e' } }, ['apple']],
    [{ 'at.city': 'Rome' }, ['apple']],
    [{ $and: [{ price: { $gt: 3 } }, { name: { $startsWith: 'pl' } }] }, ['plum']],
    [{ $or: [{ price: 3 }, { sold: true }] }, ['apple', 'plum']],
    [{ $not: { name: { $startsWith: 'p' } } }, ['apple']],
    [{ name: "'; drop table dataset_row; --" }, []],
  ])('finds by %j', async (filter, expected) => {
    expect(await names(filter)).toEqual(expected)
    expect((await data(`POST ${table}/count`, { filter })).body).toEqual({
      ...{ success: true, data: { count: expected.length } },
    })
  })

  it('sorts, skips, limits, and tells what is left', async () => {
    const ask = async (more: object) =>
      (await data(`POST ${table}/query`, { sort: { price: 'desc' }, ...more })).body.data
    expect(await ask({ limit: 2, select: ['name'] })).toEqual({
      rows: [
        { id: expect.any(String), name: 'pear' },
        { id: expect.any(String), name: 'plum' },
      ],
      ...{ total: 3, hasMore: true },
    })
    expect(await ask({ limit: 2, skip: 2 })).toMatchObject({ rows: [{ name: 'apple' }], total: 3, hasMore: false })
    expect(await ask({ skip: 9, count: false })).toEqual({ rows: [], total: null, hasMore: false })
    expect(await names({}, { sort: { price: 'asc' } })).toEqual(['apple', 'plum', 'pear'])
  })

  it('tells the distinct values of a field', async () => {
    const { body } = await data(`POST ${table}/distinct`, { field: 'name', filter: { price: { $gt: 3 } } })
    expect(body).toEqual({ success: true, data: { values: ['pear', 'plum'] } })
    expect(await data(`POST ${table}/distinct`, { field: '' })).toMatchObject({ status: 400, body: { param: 'field' } })
  })
})

describe('a row', () => {
  it('is read, changed field by field, and deleted by its id', async () => {
    const table = await newTable(GOODS)
    const { rows } = (await data(`POST ${table}/query`, { filter: { name: 'plum' } })).body.data
    const path = `${table}/${rows[0].id}`
    expect((await data(`GET ${path}`)).body).toEqual({ success: true, data: rows[0] })
    const changed = (await data(`PATCH ${path}`, { ...rows[0], price: 8, id: 'row_x' })).body.data
    expect(changed).toEqual({ ...rows[0], price: 8, updatedAt: expect.any(String) })
    expect((await data(`DELETE ${path}`)).body).toEqual({ success: true, data: { deleted: rows[0].id } })
    for (const gone of [path, `${table}/row_${'0'.repeat(32)}`, `${table}/x`]) {
      expect(await data(`GET ${gone}`)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } })
      expect(await data(`PATCH ${gone}`, { a: 1 })).toMatchObject({ status: 404 })
      expect(await data(`DELETE ${gone}`)).toMatchObject({ status: 404 })
    }
  })

  it('is changed and deleted by what it holds, and no other', async () => {
    const table = await newTable(GOODS)
    const patched = await data(`PATCH ${table}`, { filter: { price: { $lt: 8 } }, set: { cheap: true } })
    expect(patched.body).toEqual({ success: true, data: { updated: 2 } })
    const gone = await data(`DELETE ${table}`, { filter: { cheap: true } })
    expect(gone.body).toEqual({ success: true, data: { deleted: 2 } })
    expect((await data(`POST ${table}/query`, {})).body.data).toMatchObject({ rows: [{ name: 'pear' }], total: 1 })
  })

  it('is of its own table only', async () => {
    const [one, two] = [await newTable(GOODS), await newTable(GOODS)]
    const { rows } = (await data(`POST ${one}/query`, {})).body.data
    expect(await data(`GET ${two}/${rows[0].id}`)).toMatchObject({ status: 404 })
    expect(await data(`DELETE ${two}/${rows[0].id}`)).toMatchObject({ status: 404 })
  })
})

describe('a document', () => {
  it.each([['{"a":[1,null]}'], ['null'], ['"text"'], ['0'], ['false'], ['[]']])(
    'is the bare value %s',
    async (value) => {
      const key = encodeURIComponent(`k/${value}`)
      const made = await data(`PUT /json/${key}`, value)
      expect([made.status, made.headers.get('etag')]).toEqual([201, '"1"'])
      expect(made.body).toEqual({ success: true, data: { key: `k/${value}`, created: true, version: 1 } })
      const again = await data(`PUT /json/${key}`, value)
      expect([again.status, again.body.data]).toEqual([200, { key: `k/${value}`, created: false, version: 2 }])
      const read = await data(`GET /json/${key}`)
      expect(read.headers.get('etag')).toBe('"2"')
      expect(read.body.data).toEqual({ key: `k/${value}`, value: JSON.parse(value), version: 2 })
    },
  )

  it('is listed by its key, deleted, and then is not there', async () => {
    const before = (await data('GET /json')).body.data
    await data('PUT /json/zz', '1')
    expect((await data('GET /json')).body.data).toEqual({ keys: [...before.keys, 'zz'], count: before.count + 1 })
    expect((await data('DELETE /json/zz')).body).toEqual({ success: true, data: { deleted: 'zz' } })
    expect(await data('GET /json/zz')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } })
    expect(await data('DELETE /json/zz')).toMatchObject({ status: 404 })
  })

  it('is changed on conditions', async () => {
    const put = (value: number, headers: Record<string, string>) =>
      data('PUT /json/conditional', `${value}`, { headers: { ...headers } })
    const conflict = { status: 409, body: { success: false, code: 'VERSION_CONFLICT' } }
    expect(await put(1, { 'if-match': '"1"' })).toMatchObject(conflict)
    expect(await put(1, { 'if-match': '*' })).toMatchObject(conflict)
    expect(await put(1, { 'if-none-match': '*' })).toMatchObject({ status: 201 })
    expect(await put(2, { 'if-none-match': '*' })).toMatchObject(conflict)
    expect(await put(2, { 'if-match': '"2"' })).toMatchObject(conflict)
    expect(await put(2, { 'if-match': '"1"' })).toMatchObject({ status: 200, body: { data: { version: 2 } } })
    expect(await put(3, { 'if-match': '2' })).toMatchObject({ status: 200, body: { data: { version: 3 } } })
    expect(await data('DELETE /json/conditional', undefined, { headers: { 'if-match': '"2"' } })).toMatchObject(
      conflict,
    )
    expect(await data('DELETE /json/conditional', undefined, { headers: { 'if-match': '*' } })).toMatchObject({
      status: 200,
    })
  })

  it.each([
    ['PUT /json/bad', '{', {}, 'INVALID_JSON'],
    ['PUT /json/bad', '', {}, 'INVALID_JSON'],
    ['PUT /json/bad', '"\\u0000"', {}, 'VALIDATION_ERROR'],
    ['PUT /json/bad', JSON.stringify('x'.repeat(256 * 1024)), {}, 'VALIDATION_ERROR'],
    [`PUT /json/${'k'.repeat(201)}`, '1', {}, 'VALIDATION_ERROR'],
    ['PUT /json/a%0Ab', '1', {}, 'VALIDATION_ERROR'],
    ['PUT /json/bad', '1', { 'if-match': 'x' }, 'VALIDATION_ERROR'],
    ['PUT /json/bad', '1', { 'if-none-match': '"1"' }, 'VALIDATION_ERROR'],
    ['PUT /json/bad', '1', { 'if-match': '*', 'if-none-match': '*' }, 'VALIDATION_ERROR'],
  ])('cannot be made by %s %j %j', async (route, body, headers, code) => {
    const before = await countRows(app)
    const answer = await data(route, body, { headers: headers as Record<string, string> })
    expect([answer.status, answer.body.code]).toEqual([400, code])
    expect(await countRows(app)).toEqual(before)
  })
})

it('is not there for an artifact that is not', async () => {
  for (const artifact of ['x', `art_${'0'.repeat(32)}`]) {
    for (const route of ['GET tables', 'GET json', 'GET json/x', 'GET tables/t/x', 'DELETE json/x']) {
      const [method, path] = route.split(' ')
      const answer = await rest(app, `${method} /v1/data/${artifact}/${path}`, { token: owner.token })
      expect(answer, route).toMatchObject({ status: 404, body: { success: false, code: 'NOT_FOUND' } })
    }
  }
})
