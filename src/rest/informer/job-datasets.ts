/** `/api/jobs/{id}/datasets`: the datasets that a job works with, by its own names for them. */
import { createRoute, z } from '@hono/zod-openapi'
import { noSuchAlias } from '../../jobs/dataset-service.ts'
import type { JobService } from '../../jobs/service.ts'
import type { Log } from '../../kernel/log.ts'
import { body, type Routes } from '../routing.ts'
import { datasetInput, inTermsOfDataset, jobDatasetFields } from './dataset-input.ts'
import { JOB_DATASET, jobDatasetHref, jobDatasetSchema, jobDatasetView } from './dataset-view.ts'
import { collection, collectionSchema, link } from './hal.ts'
import { jobHref } from './job-href.ts'
import { jobFinder, jobParams } from './job-params.ts'
import { answers, createRoutes, failure, hal, nothing, secured, securedBody } from './router.ts'

export type JobDatasetsDeps = { jobs: JobService; log: Log }

const path = '/api/jobs/{id}/datasets'
const params = jobParams.extend({ alias: z.string().describe('The job’s name for it.') })

const newSchema = z.object({ alias: z.string(), ...jobDatasetFields }).openapi('NewJobDataset')
const changeSchema = z
  .object({
    alias: z.string().optional(),
    datasetId: jobDatasetFields.datasetId.optional(),
    snapshots: jobDatasetFields.snapshots,
  })
  .openapi('ChangeJobDataset')

const conflict = { 409: failure('The job has this alias already') }

export function jobDatasetRoutes({ jobs, log }: JobDatasetsDeps): Routes {
  const routes = createRoutes(log)
  const findJob = jobFinder(jobs)

  const rowOf = async (jobId: string, alias: string) => {
    const [rows = []] = await jobs.datasetsOf([jobId])
    const row = rows.find((each) => each.alias === alias)
    if (!row) throw noSuchAlias()
    return row
  }

  routes.openapi(
    createRoute({
      ...{ method: 'get', path, summary: 'The datasets of a job', ...secured(), request: { params: jobParams } },
      responses: answers({ 200: hal(collectionSchema(JOB_DATASET, jobDatasetSchema), 'In their order') }),
    }),
    async (context) => {
      const { id } = await findJob(context.var.viewer, context.req.valid('param').id)
      const [rows = []] = await jobs.datasetsOf([id])
      const items = rows.map((row) => jobDatasetView(id, row))
      const page = { start: 0, total: items.length }
      return context.json(collection(link(`${jobHref(id)}/datasets`), JOB_DATASET, items, page), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'post', path, summary: 'Give a job one more dataset', ...securedBody() },
      request: { params: jobParams, ...body(newSchema) },
      responses: answers({ 201: hal(jobDatasetSchema, 'Behind the others'), ...conflict }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { alias, ...given } = context.req.valid('json')
      const { id } = await findJob(viewer, context.req.valid('param').id)
      const row = await inTermsOfDataset(() => jobs.addDataset(viewer, id, datasetInput(alias, given)))
      return context.json(jobDatasetView(id, row), 201, { location: jobDatasetHref(id, row.alias) })
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'get', path: `${path}/{alias}`, summary: 'A dataset of a job', ...secured(), request: { params } },
      responses: answers({ 200: hal(jobDatasetSchema, 'The dataset') }),
    }),
    async (context) => {
      const { id: given, alias } = context.req.valid('param')
      const { id } = await findJob(context.var.viewer, given)
      return context.json(jobDatasetView(id, await rowOf(id, alias)), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'put', path: `${path}/{alias}`, summary: 'Change a dataset of a job', ...securedBody() },
      request: { params, ...body(changeSchema) },
      responses: answers({ 200: hal(jobDatasetSchema, 'As it is now'), ...conflict }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { id: given, alias } = context.req.valid('param')
      const { id } = await findJob(viewer, given)
      const old = jobDatasetView(id, await rowOf(id, alias))
      const change = context.req.valid('json')
      const input = datasetInput(change.alias ?? alias, {
        datasetId: change.datasetId ?? old.datasetId,
        snapshots: change.snapshots === undefined ? old.snapshots : change.snapshots,
      })
      const row = await inTermsOfDataset(() => jobs.setDataset(viewer, id, alias, input))
      return context.json(jobDatasetView(id, row), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'delete', path: `${path}/{alias}`, summary: 'Take a dataset from a job', ...secured() },
      request: { params },
      responses: answers({ 204: nothing('Taken; the dataset itself stays') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { id: given, alias } = context.req.valid('param')
      const { id } = await findJob(viewer, given)
      await jobs.removeDataset(viewer, id, alias)
      return context.body(null, 204)
    },
  )

  return routes
}
