/** `/1/jobs`: jobs one by one, and the list of them. */
import { z } from '@hono/zod-openapi'
import type { Job } from '../../db/generated/prisma/client.ts'
import { requireScope } from '../../identity/permissions.ts'
import type { SignedIn } from '../../identity/viewer.ts'
import { noSuchJob } from '../../jobs/rights.ts'
import type { JobService } from '../../jobs/service.ts'
import type { Clock } from '../../kernel/clock.ts'
import { isUuid } from '../../kernel/ids.ts'
import type { Log } from '../../kernel/log.ts'
import type { ScheduleService } from '../../schedules/service.ts'
import type { Routes } from '../routing.ts'
import { jobDocument } from './document-in.ts'
import { DOCUMENT_OFFERS, SHORT_OFFERS } from './formats.ts'
import {
  type GivenJob,
  givenJob,
  inTermsOfBoozles,
  JOB_FIELDS,
  type JobInput,
  jobInput,
  jobInputSchema,
} from './job-input.ts'
import { jobSchema, jobView, jobViewOfInput } from './job-view.ts'
import { givenInPath } from './path-input.ts'
import { addCall, answers, contents, createRoutes, type Said } from './router.ts'

export type JobsDeps = { jobs: JobService; schedules: ScheduleService; clock: Clock; log: Log }

const PATH = '/1/jobs'
const ONE = `${PATH}/{id}`

const id = z.object({ id: z.string().describe('UUID.') })
const document = { body: { required: true, content: contents(jobInputSchema) } }
const jobContents = contents(jobSchema, 'Its id.')
const idsSchema = z
  .array(z.string().openapi({ xml: { name: 'id' } }))
  .openapi('JobIds', { xml: { name: 'jobs', wrapped: true } })
const createdHeaders = z.object({ Location: z.string().describe('`/1/jobs/{id}`') })

export function jobRoutes({ jobs, schedules, clock, log }: JobsDeps): Routes {
  const routes = createRoutes(log)

  /** @throws NotFoundError for what is no job of Boozles that is the viewer's own */
  async function find(viewer: SignedIn, given: string): Promise<Job> {
    const uuid = given.toLowerCase()
    const job = isUuid(uuid) ? await jobs.find(viewer, uuid) : null
    if (job?.surface !== 'BOOZLES' || job.ownerId !== viewer.principalId) throw noSuchJob()
    return job
  }

  const partsOf = ({ schedule, callback }: JobInput) => ({ schedule, actions: [{ callback }] })

  async function create(viewer: SignedIn, given: GivenJob): Promise<Said> {
    const input = jobInput(given, new Date(clock.now()))
    const job = await inTermsOfBoozles(() => jobs.create(viewer, partsOf(input), 'BOOZLES'))
    return {
      status: 201,
      document: { job: jobViewOfInput(viewer.handle, job, input) },
      headers: { location: `${PATH}/${job.id}` },
    }
  }

  addCall(
    routes,
    {
      ...{ method: 'get', path: PATH, summary: 'List the ids of your jobs', offers: SHORT_OFFERS },
      responses: answers({
        200: { description: 'The oldest first', content: contents(idsSchema, 'With commas between them.') },
      }),
    },
    async ({ viewer }) => ({ status: 200, document: { ids: await jobs.ownIds(viewer, 'BOOZLES') } }),
  )

  addCall(
    routes,
    {
      ...{ method: 'post', path: PATH, summary: 'Create a job', offers: SHORT_OFFERS, request: document },
      responses: answers(
        { 201: { description: 'Created', headers: createdHeaders, content: jobContents } },
        { body: true },
      ),
    },
    async ({ viewer, request }) => create(viewer, givenJob(await jobDocument(request, JOB_FIELDS))),
  )

  addCall(
    routes,
    {
      ...{ method: 'get', path: ONE, summary: 'Read a job', offers: DOCUMENT_OFFERS, request: { params: id } },
      responses: answers({ 200: { description: 'The job', content: contents(jobSchema) } }, { one: true }),
    },
    async ({ viewer, id }) => {
      requireScope(viewer, 'jobs:read')
      const job = await find(viewer, id)
      const [[actions = []], [schedule]] = await Promise.all([
        jobs.actionsOf(viewer, [job]),
        schedules.byIds(job.scheduleId ? [job.scheduleId] : []),
      ])
      const [action] = actions
      // It went meanwhile.
      if (!action || !schedule) throw noSuchJob()
      return { status: 200, document: { job: jobView(viewer.handle, job, action, schedule) } }
    },
  )

  addCall(
    routes,
    {
      ...{ method: 'put', path: ONE, summary: 'Change a job', offers: SHORT_OFFERS },
      description: 'Into what the document says, as a whole: what it does not say is no more.',
      request: { params: id, ...document },
      responses: answers(
        { 200: { description: 'The job as it is now', content: jobContents } },
        { one: true, body: true },
      ),
    },
    async ({ viewer, request, id }) => {
      const { id: jobId } = await find(viewer, id)
      const input = jobInput(givenJob(await jobDocument(request, JOB_FIELDS)), new Date(clock.now()))
      const job = await inTermsOfBoozles(() => jobs.update(viewer, { jobId, ...partsOf(input) }))
      return { status: 200, document: { job: jobViewOfInput(viewer.handle, job, input) } }
    },
  )

  addCall(
    routes,
    {
      ...{ method: 'delete', path: ONE, summary: 'Delete a job', offers: null, request: { params: id } },
      responses: answers({ 204: { description: 'Deleted' } }, { one: true }),
    },
    async ({ viewer, id }) => {
      await jobs.remove(viewer, (await find(viewer, id)).id)
      return { status: 204, document: null }
    },
  )

  addCall(
    routes,
    {
      method: 'post',
      path: `${PATH}/{when}/{callback}`,
      summary: 'Create a job without a document',
      description:
        'The body, as it is, is the data; if there is any, its Content-Type and X-Content-Signature go with it. A slash within a part is %2F.',
      offers: SHORT_OFFERS,
      request: {
        params: z.object({
          when: z.string().describe('A date of ISO 8601, or a cron expression of Quartz, in which + is a blank.'),
          callback: z.string().describe('URL to call.'),
        }),
        headers: z.object({ 'X-Content-Signature': z.string().optional().describe('Goes back with the data.') }),
        body: { required: false, content: { '*/*': { schema: { type: 'string', format: 'binary' } } } },
      },
      responses: answers(
        { 201: { description: 'Created', headers: createdHeaders, content: jobContents } },
        { body: true },
      ),
    },
    async ({ viewer, request }) => create(viewer, await givenInPath(request)),
  )

  return routes
}
