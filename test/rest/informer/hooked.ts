/** Jobs of Informer, for tests of what becomes of them. */
import { expect } from 'vitest'
import { ADMIN_TOKEN, type TestApp } from '../../support/app.ts'
import { rest } from '../../support/rest.ts'

/** A job that calls a receiver, by its clients' words; enabled, with no schedule unless more is said. Its UUID. */
export async function hookedJob(app: Pick<TestApp, 'url'>, url: string, more: object = {}, token = ADMIN_TOKEN) {
  const body = { name: 'Report', type: 'api-call', enabled: true, data: { url }, ...more }
  const made = await rest(app, 'POST /api/jobs', { body, token })
  expect([made.status, made.body.message]).toEqual([201, undefined])
  return made.body.id as string
}

/** `job_…` of a UUID, for GraphQL. */
export const jobIdOf = (uuid: string) => `job_${uuid.replaceAll('-', '')}`
