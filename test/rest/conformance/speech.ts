/** What the suite has to know of a dialect to ask every one the same: how it is said in it, and what it then answers. */
import { expect } from 'vitest'
import type { Surface } from '../../generated/graphql.ts'
import type { TestApp } from '../../support/app.ts'

/** `POST /v1/jobs`, with a body as it is sent; in pieces: without saying how long it is. */
export type Call = { route: string; body?: string; headers?: Record<string, string>; inPieces?: boolean }

export type Answer = { status: number; headers: Headers; text: string }

/** The status, and the code by which clients of the dialect tell errors apart; null where it has none. */
type Refusal = readonly [status: number, code: string | number | null]

/** What can be wrong with a request of any dialect. */
export type Wrong =
  | 'notSignedIn'
  | 'noScope'
  | 'noSuchThing'
  | 'noSuchRoute'
  | 'wrongMethod'
  | 'tooLarge'
  | 'wrongType'
  | 'malformed'
  | 'tooOften'

/** What must be there before a job can be made, by the names that the dialect's `create` knows it by. */
export type Ground = Record<string, string | number>

/** A dialect, in one of its forms. */
export type Speech = {
  /** In the names of tests. */
  name: string
  /** In the address of its document. */
  dialect: string
  surface: Surface
  /** Whether pages of other origins may ask. */
  isOpen: boolean
  /** Makes the ground for one job that calls this address, for whoever has the token. */
  prepare(app: TestApp, token: string, callback: string): Promise<Ground>
  /** Makes a job that is enabled and has no slot within the next minutes. */
  create(ground: Ground): Call
  /** The id of the job that was made. */
  idIn(answer: Answer): string
  list: Call
  listed(answer: Answer): string[]
  read(id: string): Call
  /** When the job runs next, by what is read of it; ISO. */
  nextIn(answer: Answer): string
  change(id: string): Call
  remove(id: string): Call
  /** Where a job can be run by hand. */
  run?(id: string): Call
  /** Calls that make or change something else, with bodies; `id`: of a job. */
  alsoWrites(id: string): Call[]
  /** Well formed and of nothing, or not an id at all. */
  noIds: readonly string[]
  /** The same call with a field that nobody knows. */
  withUnknown(call: Call): Call
  unknown: 'ignored' | Refusal
  nowhere: string
  wrongMethod: { route: string; allowed: string }
  wrongTypes: readonly string[]
  malformed: readonly string[]
  refusals: Readonly<Record<Wrong, Refusal>>
  /** What an answer refuses; throws when it is not exactly in the form of an error of the dialect. */
  told(answer: Answer, call: Call): Refusal
  /** Sets, in `update job`, a job's first slot to one that has just come. */
  slotNow: string
}

/** Sends a call as whoever has the token; null: as nobody. */
export async function say(app: Pick<TestApp, 'url'>, call: Call, token: string | null): Promise<Answer> {
  const [method = '', path = ''] = call.route.split(' ')
  const response = await fetch(app.url + path, {
    method,
    headers: { ...(token !== null && { authorization: `Bearer ${token}` }), ...call.headers },
    ...(call.body !== undefined && (call.inPieces ? inPieces(call.body) : { body: call.body })),
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

const inPieces = (body: string) => ({ body: new Blob([body]).stream(), duplex: 'half' }) as RequestInit

/** A job of whoever has the token, on a ground of its own. */
export async function makeOne(app: TestApp, speech: Speech, token: string, callback = 'http://127.0.0.1:9/') {
  const made = await say(app, speech.create(await speech.prepare(app, token, callback)), token)
  expect([200, 201], made.text).toContain(made.status)
  return speech.idIn(made)
}

/** Every call about one job. */
export const callsOf = ({ read, change, remove, run }: Speech, id: string): Call[] => [
  read(id),
  change(id),
  remove(id),
  ...(run ? [run(id)] : []),
]

/** Of dialects that tell errors by their status. */
export const BY_STATUS: Speech['refusals'] = {
  notSignedIn: [401, null],
  noScope: [403, null],
  noSuchThing: [404, null],
  noSuchRoute: [404, null],
  wrongMethod: [405, null],
  tooLarge: [413, null],
  wrongType: [415, null],
  malformed: [400, null],
  tooOften: [429, null],
}

export const JSON_TYPE = { 'content-type': 'application/json' }

export const json = (route: string, body: object): Call => ({ route, body: JSON.stringify(body), headers: JSON_TYPE })

/** Fields `minute hour` of a cron in UTC, for once a day: half a day ago, and in half a day. */
export function halfADayOff(now = Date.now()): string {
  const then = new Date(now + 12 * 3_600_000)
  return `${then.getUTCMinutes()} ${then.getUTCHours()}`
}

/** To `slotNow`, of a job that runs every day. */
export const SLOT_OF_LAST_DAY = `next_run_at = next_run_at - interval '1 day'`

/** A body of JSON with one field more. */
export const withField = (call: Call): Call => ({
  ...call,
  body: JSON.stringify({ ...JSON.parse(call.body ?? '{}'), no_such_field: [{ deep: 1 }] }),
})
