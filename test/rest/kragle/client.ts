/** Kragle as its clients see it. */
import type pg from 'pg'
import { expect } from 'vitest'
import type { TestApp } from '../../support/app.ts'
import { countRows } from '../../support/people.ts'
import { type RestOptions, rest } from '../../support/rest.ts'

/** What a call answers that does what it says. */
export async function done(app: TestApp, route: string, options: RestOptions) {
  const { status, body } = await rest(app, route, options)
  expect(status, JSON.stringify(body)).toBe(200)
  return body
}

/** The answer of a call that changes nothing, an error in the dialect's form. */
export async function refusal(app: TestApp, database: pg.Client, route: string, options: RestOptions) {
  const before = await countRows(database)
  const { status, body, headers } = await rest(app, route, options)
  expect(await countRows(database)).toEqual(before)
  expect(body).toEqual({ code: expect.any(Number), msg: expect.any(String) })
  expect(headers.get('content-type')).toContain('application/json')
  expect(headers.get('x-runsheet-counts-as')).toBeNull()
  return { status, code: body.code as number, msg: body.msg as string, headers }
}
