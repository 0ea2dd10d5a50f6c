/** `POST /v1/publish`: a new artifact, or a new version of one's own. */
import { createRoute } from '@hono/zod-openapi'
import type { ArtifactService } from '../../artifacts/service.ts'
import type { PublishInput } from '../../artifacts/spec.ts'
import type { IdempotencyService } from '../../idempotency/service.ts'
import { ValidationError } from '../../kernel/errors.ts'
import { formatId } from '../../kernel/ids.ts'
import type { Log } from '../../kernel/log.ts'
import { body, type Routes } from '../routing.ts'
import { type PublishBody, publishedSchema, publishSchema } from './artifact-schema.ts'
import { idempotent } from './idempotent.ts'
import { answers, createRoutes, failure, json, securedBody } from './router.ts'

export type PublishDeps = { artifacts: ArtifactService; idempotency: IdempotencyService; log: Log }

const upper = <Text extends string>(text: Text) => text.toUpperCase() as Uppercase<Text>

/** Fields as they are called here, by those of the service. */
const NAMES = { accessPolicy: 'access_policy', mobileHtml: 'mobile_html', shortName: 'short_name' }

export const visibilityOf = (visibility: 'public' | 'unlisted' | 'private') => upper(visibility)

function inputOf({ files, visibility, mobile_html, pwa, access_policy, agent, ...fields }: PublishBody): PublishInput {
  return {
    ...fields,
    files: files.map(({ path, content, mime, encoding }) => ({
      ...{ path, content, mime },
      encoding: encoding && upper(encoding),
    })),
    visibility: visibility && visibilityOf(visibility),
    mobileHtml: mobile_html,
    pwa: pwa && { enabled: pwa.enabled, name: pwa.name, shortName: pwa.short_name, icon: pwa.icon },
    ...(access_policy !== undefined && { accessPolicy: access_policy }),
    ...(agent !== undefined && { agent }),
  }
}

/** Issues with the names that the fields have here. */
export async function inTermsOfFields<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error
    const named = (path: string) =>
      Object.entries(NAMES).reduce((all, [inner, outer]) => all.replace(inner, outer), path)
    throw new ValidationError(error.issues.map((issue) => ({ ...issue, path: named(issue.path) })))
  }
}

export function publishRoutes({ artifacts, idempotency, log }: PublishDeps): Routes {
  const routes = createRoutes(log, 'VALIDATION_ERROR')
  routes.openapi(
    createRoute({
      method: 'post',
      path: '/v1/publish',
      summary: 'Publish an artifact, or a new version of one that is there',
      ...securedBody(idempotent(idempotency)),
      request: body(publishSchema),
      responses: answers({
        201: json(publishedSchema, 'Published'),
        409: failure('Slug taken or version conflict'),
        413: failure('More than a limit allows'),
      }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { mobile_html, ...input } = context.req.valid('json')
      const published = await inTermsOfFields(() => artifacts.publish(viewer, inputOf({ ...input, mobile_html })))
      const [app] = await artifacts.apps([published.versionId])
      const url = artifacts.artifactUrl(published.slug)
      return context.json(
        {
          artifact: { id: formatId('Artifact', published.id) },
          version: { id: formatId('ArtifactVersion', published.versionId), version_no: published.lastVersionNo },
          deployment: { slug: published.slug, url, ...(mobile_html != null && { mobile_url: `${url}?v=mobile` }) },
          ...(app && {
            pwa: {
              manifest_url: `${url}manifest.json`,
              service_worker_url: `${url}sw.js`,
              installable: app.installable,
            },
          }),
        },
        201,
      )
    },
  )
  return routes
}
