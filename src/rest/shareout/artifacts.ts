/** `/v1/artifacts`: what was published, its versions and its files. */
import { isUtf8 } from 'node:buffer'
import { createRoute, z } from '@hono/zod-openapi'
import type { FileContent } from '../../artifacts/contents.ts'
import type { ArtifactService } from '../../artifacts/service.ts'
import { RETENTION_DAYS } from '../../artifacts/spec.ts'
import type { Artifact, ArtifactVersion } from '../../db/generated/prisma/client.ts'
import { requireScope } from '../../identity/permissions.ts'
import type { Viewer } from '../../identity/viewer.ts'
import { NotFoundError } from '../../kernel/errors.ts'
import { expectId, formatId } from '../../kernel/ids.ts'
import type { Log } from '../../kernel/log.ts'
import { firstRows } from '../../kernel/pages.ts'
import { body, type Routes } from '../routing.ts'
import {
  artifactSchema,
  artifactsSchema,
  deletedSchema,
  filesSchema,
  pageSchema,
  patchSchema,
  versionsSchema,
} from './artifact-schema.ts'
import { unixSeconds } from './job-view.ts'
import { inTermsOfFields, visibilityOf } from './publish.ts'
import { answers, createRoutes, failure, json, secured, securedBody } from './router.ts'

export type ArtifactsDeps = { artifacts: ArtifactService; log: Log; publicUrl: string }

const DAY = 86_400
/** The newest of an artifact. */
const VERSIONS_LIMIT = 1_000

const params = z.object({ id: z.string().describe('`art_…`') })

export function artifactRoutes({ artifacts, log, publicUrl }: ArtifactsDeps): Routes {
  const routes = createRoutes(log, 'VALIDATION_ERROR')

  async function views(found: readonly Artifact[]) {
    const live = await artifacts.liveVersions(found.map(({ id }) => id))
    return found.map(({ id, name, slug, visibility, description, createdAt, updatedAt, lastVersionNo }, index) => ({
      id: formatId('Artifact', id),
      ...{ name, slug, description },
      visibility: visibility.toLowerCase() as Lowercase<typeof visibility>,
      created_at: unixSeconds(createdAt),
      updated_at: unixSeconds(updatedAt),
      url: artifacts.artifactUrl(slug),
      version_no: live[index]?.versionNo ?? lastVersionNo,
    }))
  }

  async function viewOf(artifact: Artifact) {
    const [view] = await views([artifact])
    if (!view) throw new Error(`the artifact ${artifact.id} cannot be shown`)
    return view
  }

  async function requireArtifact(viewer: Viewer, given: string): Promise<Artifact> {
    requireScope(viewer, 'artifacts:read')
    const artifact = await artifacts.find(viewer, { id: expectId('Artifact', given) })
    if (!artifact) throw new NotFoundError('there is no such artifact')
    return artifact
  }

  const versionsOf = (viewer: Viewer, artifactId: string): Promise<ArtifactVersion[]> =>
    firstRows(VERSIONS_LIMIT, (args) => artifacts.versions(viewer, artifactId, args))

  routes.openapi(
    createRoute({
      method: 'get',
      path: '/v1/artifacts',
      summary: 'List your artifacts and those that are shared with you, the newest first',
      ...secured(),
      request: { query: pageSchema },
      responses: answers({ 200: json(artifactsSchema, 'Artifacts') }),
    }),
    async (context) => {
      const page = context.req.valid('query')
      const { artifacts: found, total } = await artifacts.ownAndShared(context.var.viewer, page)
      const has_more = page.offset + found.length < total
      return context.json({ artifacts: await views(found), total, has_more }, 200)
    },
  )

  routes.openapi(
    createRoute({
      method: 'get',
      path: '/v1/artifacts/{id}',
      summary: 'Read an artifact',
      ...secured(),
      request: { params },
      responses: answers({ 200: json(artifactSchema, 'The artifact') }),
    }),
    async (context) => {
      const artifact = await requireArtifact(context.var.viewer, context.req.valid('param').id)
      return context.json(await viewOf(artifact), 200)
    },
  )

  routes.openapi(
    createRoute({
      method: 'patch',
      path: '/v1/artifacts/{id}',
      summary: 'Change what is said of an artifact, and who sees it',
      ...securedBody(),
      request: { params, ...body(patchSchema) },
      responses: answers({ 200: json(artifactSchema, 'The artifact as it is now') }),
    }),
    async (context) => {
      const { visibility, access_policy, ...fields } = context.req.valid('json')
      const input = {
        artifactId: expectId('Artifact', context.req.valid('param').id),
        ...fields,
        ...(visibility && { visibility: visibilityOf(visibility) }),
        ...(access_policy !== undefined && { accessPolicy: access_policy }),
      }
      const changed = await inTermsOfFields(() => artifacts.update(context.var.viewer, input))
      return context.json(await viewOf(changed), 200)
    },
  )

  routes.openapi(
    createRoute({
      method: 'delete',
      path: '/v1/artifacts/{id}',
      summary: `Delete an artifact; for ${RETENTION_DAYS} days it can be restored`,
      ...secured(),
      request: { params },
      responses: answers({ 200: json(deletedSchema, 'Deleted') }),
    }),
    async (context) => {
      const { id, deletedAt } = await artifacts.remove(
        context.var.viewer,
        expectId('Artifact', context.req.valid('param').id),
      )
      const deleted = formatId('Artifact', id)
      const deleted_at = unixSeconds(deletedAt ?? new Date())
      return context.json(
        {
          success: true as const,
          ...{ deleted, deleted_at, recoverable_until: deleted_at + RETENTION_DAYS * DAY },
          retention_days: RETENTION_DAYS,
          restore_url: `${publicUrl}/v1/artifacts/${deleted}/restore`,
        },
        200,
      )
    },
  )

  routes.openapi(
    createRoute({
      method: 'post',
      path: '/v1/artifacts/{id}/restore',
      summary: 'Bring a deleted artifact back',
      ...secured(),
      request: { params },
      responses: answers({ 200: json(artifactSchema, 'The artifact'), 409: failure('Too late') }),
    }),
    async (context) => {
      const id = expectId('Artifact', context.req.valid('param').id)
      return context.json(await viewOf(await artifacts.restore(context.var.viewer, id)), 200)
    },
  )

  routes.openapi(
    createRoute({
      method: 'get',
      path: '/v1/artifacts/{id}/versions',
      summary: 'List its versions, the newest first',
      ...secured(),
      request: { params },
      responses: answers({ 200: json(versionsSchema, `The newest ${VERSIONS_LIMIT}`) }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { id } = await requireArtifact(viewer, context.req.valid('param').id)
      const [live] = await artifacts.liveVersions([id])
      const versions = (await versionsOf(viewer, id)).map((version) => ({
        id: formatId('ArtifactVersion', version.id),
        version_no: version.versionNo,
        created_at: unixSeconds(version.createdAt),
        entrypoint: version.entrypoint,
        file_count: version.fileCount,
        size_bytes: Number(version.sizeBytes),
        live: version.id === live?.id,
      }))
      return context.json({ versions }, 200)
    },
  )

  routes.openapi(
    createRoute({
      method: 'get',
      path: '/v1/artifacts/{id}/files',
      summary: 'Read all files of a version',
      ...secured(),
      request: {
        params,
        query: z.object({ version: z.coerce.number().int().min(1).max(2_147_483_647).optional() }),
      },
      responses: answers({ 200: json(filesSchema, 'Files'), 413: failure('Too large for one answer') }),
    }),
    async (context) => {
      const given = context.req.valid('param').id
      const { version } = context.req.valid('query')
      const contents = await artifacts.contents(context.var.viewer, expectId('Artifact', given), version ?? null)
      return context.json({ artifact_id: given, files: contents.map(fileView) }, 200)
    },
  )

  return routes
}

function fileView({ path, mime, content }: FileContent) {
  const encoding = isUtf8(content) ? ('utf8' as const) : ('base64' as const)
  return { path, mime, content: content.toString(encoding), encoding, size_bytes: content.length }
}
