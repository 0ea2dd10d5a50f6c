/** Artifacts as clients of ShareOut publish, change and read them. */
import { z } from '@hono/zod-openapi'

const visibility = z.enum(['public', 'unlisted', 'private'])
const accessPolicy = z.unknown().describe('Row-level access policy for per-viewer data filtering; null: none.')

const agent = z
  .object({
    enabled: z.boolean().nullish().openapi({ default: true }),
    systemPrompt: z.string().nullish(),
    model: z.string().nullish(),
    maxTokens: z.int().nullish(),
    temperature: z.number().nullish(),
    contextJson: z.boolean().nullish().openapi({ default: true }),
    contextTables: z.array(z.string()).nullish(),
  })
  .describe('Turns on the visitor chat agent; what is absent stays as it is.')

export const publishSchema = z
  .object({
    name: z.string().describe('Display name.'),
    slug: z.string().nullish().describe('URL slug. Auto-generated if omitted.'),
    entrypoint: z.string().nullish().openapi({ default: 'index.html' }),
    files: z.array(
      z.object({
        path: z.string(),
        content: z.string(),
        mime: z.string().nullish(),
        encoding: z.enum(['utf8', 'base64']).nullish(),
        size_bytes: z.unknown().optional().openapi({ type: 'integer' }),
      }),
    ),
    visibility: visibility.nullish(),
    mobile_html: z.string().nullish(),
    pwa: z
      .object({
        enabled: z.boolean().nullish(),
        name: z.string().nullish(),
        short_name: z.string().nullish().describe('At most 12 characters.'),
        icon: z.string().nullish().describe('Data URL or absolute URL to a PNG icon.'),
      })
      .nullish(),
    access_policy: accessPolicy.optional(),
    agent: agent.nullish(),
  })
  .openapi('Publish', {
    example: {
      name: 'My App',
      slug: 'my-app',
      entrypoint: 'index.html',
      visibility: 'public',
      files: [{ path: 'index.html', content: '<!DOCTYPE html><h1>Hello</h1>', mime: 'text/html', encoding: 'utf8' }],
    },
  })

export type PublishBody = z.output<typeof publishSchema>

export const publishedSchema = z
  .object({
    artifact: z.object({ id: z.string() }),
    version: z.object({ id: z.string(), version_no: z.int() }),
    deployment: z.object({ slug: z.string(), url: z.url(), mobile_url: z.url().optional() }),
    pwa: z.object({ manifest_url: z.url(), service_worker_url: z.url(), installable: z.boolean() }).optional(),
  })
  .openapi('Published')

export const patchSchema = z
  .object({
    name: z.string().optional(),
    description: z.string().nullish(),
    visibility: visibility.optional(),
    access_policy: accessPolicy.optional(),
    agent: agent.nullish(),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), {
    message: 'must change at least one of name, description, visibility, access_policy and agent',
  })
  .openapi('ChangeArtifact')

const seconds = z.int().describe('Unix time in seconds.')

export const artifactSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    slug: z.string(),
    visibility,
    description: z.string().nullable(),
    created_at: seconds,
    updated_at: seconds,
    url: z.url(),
    version_no: z.int().describe('Of the version that is live.'),
  })
  .openapi('Artifact')

export const artifactsSchema = z.object({ artifacts: z.array(artifactSchema), total: z.int(), has_more: z.boolean() })

export const deletedSchema = z
  .object({
    success: z.literal(true),
    deleted: z.string(),
    deleted_at: seconds,
    recoverable_until: seconds,
    retention_days: z.int(),
    restore_url: z.url(),
  })
  .openapi('Deleted')

export const versionsSchema = z.object({
  versions: z.array(
    z.object({
      id: z.string(),
      version_no: z.int(),
      created_at: seconds,
      entrypoint: z.string(),
      file_count: z.int(),
      size_bytes: z.int(),
      live: z.boolean(),
    }),
  ),
})

export const filesSchema = z.object({
  artifact_id: z.string(),
  files: z.array(
    z.object({
      path: z.string(),
      mime: z.string(),
      content: z.string(),
      encoding: z.enum(['utf8', 'base64']),
      size_bytes: z.int(),
    }),
  ),
})

const LIST = { usual: 100, most: 1000 }

export const pageSchema = z.object({
  limit: z.coerce.number().int().min(1).max(LIST.most).default(LIST.usual),
  offset: z.coerce.number().int().min(0).max(1_000_000).default(0),
})
