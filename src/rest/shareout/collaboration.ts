/** `/v1/artifacts/{id}/collaborators` and `…/comments`. */
import { createRoute, z } from '@hono/zod-openapi'
import type { LoadedComment } from '../../collaboration/comment-service.ts'
import type { CollaborationService } from '../../collaboration/service.ts'
import type { Collaborator } from '../../db/generated/prisma/client.ts'
import type { IdempotencyService } from '../../idempotency/service.ts'
import { expectId, formatId } from '../../kernel/ids.ts'
import type { Log } from '../../kernel/log.ts'
import { body, type Routes } from '../routing.ts'
import { idempotent } from './idempotent.ts'
import { answers, createRoutes, json, secured, securedBody } from './router.ts'

export type CollaborationDeps = { collaboration: CollaborationService; idempotency: IdempotencyService; log: Log }

const id = z.object({ id: z.string().describe('`art_…`') })

const collaboratorsSchema = z.object({
  collaborators: z.array(z.object({ email: z.string(), role: z.enum(['viewer', 'editor']) })),
})
const addSchema = z.object({
  emails: z.array(z.string()).describe('1 to 50 addresses.'),
  role: z
    .string()
    .toLowerCase()
    .pipe(z.enum(['viewer', 'editor'], 'must be viewer or editor')),
})

const commentSchema = z.object({
  id: z.string().describe('`cmt_…`'),
  text: z.string(),
  author: z.object({ id: z.string(), handle: z.string(), name: z.string().nullable() }),
  created_at: z.int().describe('Unix seconds.'),
})
const commentsSchema = z.object({
  comments: z.array(commentSchema).describe('The newest first.'),
  next_cursor: z.string().nullable().describe('Give it as `cursor` for those behind them; null: there are none.'),
})
const page = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(100).describe('At most 100.'),
  cursor: z.string().optional(),
})

const listView = (collaborators: readonly Collaborator[]) => ({
  collaborators: collaborators.map(({ email, role }) => ({
    email,
    role: role === 'EDITOR' ? ('editor' as const) : ('viewer' as const),
  })),
})

const commentView = ({ id: uuid, text, author, createdAt }: LoadedComment) => ({
  id: formatId('Comment', uuid),
  text,
  author: { id: formatId('Principal', author.id), handle: author.handle, name: author.name },
  created_at: Math.floor(createdAt.getTime() / 1000),
})

export function collaborationRoutes({ idempotency, collaboration, log }: CollaborationDeps): Routes {
  const routes = createRoutes(log, 'VALIDATION_ERROR')
  const path = '/v1/artifacts/{id}'

  routes.openapi(
    createRoute({
      ...{ method: 'get', path: `${path}/collaborators`, ...secured(), request: { params: id } },
      responses: answers({ 200: json(collaboratorsSchema, 'Who works on it, for its owner and editors') }),
    }),
    async (context) => {
      const artifactId = expectId('Artifact', context.req.valid('param').id)
      return context.json(listView(await collaboration.collaborators(context.var.viewer, artifactId)), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'post', path: `${path}/collaborators`, ...securedBody() },
      request: { params: id, ...body(addSchema) },
      responses: answers({ 200: json(collaboratorsSchema, 'Who works on it now') }),
    }),
    async (context) => {
      const { emails, role } = context.req.valid('json')
      const artifactId = expectId('Artifact', context.req.valid('param').id)
      const input = { artifactId, emails, role: role.toUpperCase() }
      await collaboration.addCollaborators(context.var.viewer, input)
      return context.json(listView(await collaboration.collaboratorsOf(artifactId)), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'delete', path: `${path}/collaborators/{email}`, ...secured() },
      request: { params: id.extend({ email: z.string() }) },
      responses: answers({ 200: json(z.object({ success: z.literal(true) }), 'Gone') }),
    }),
    async (context) => {
      const { id: given, email } = context.req.valid('param')
      const artifactId = expectId('Artifact', given)
      await collaboration.removeCollaborator(context.var.viewer, { artifactId, email })
      return context.json({ success: true as const }, 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'get', path: `${path}/comments`, request: { params: id, query: page } },
      responses: answers({ 200: json(commentsSchema, 'What is said of it') }),
    }),
    async (context) => {
      const { limit, cursor } = context.req.valid('query')
      const artifactId = expectId('Artifact', context.req.valid('param').id)
      const args = { first: limit, after: cursor }
      const { edges, pageInfo } = await collaboration.comments(context.var.viewer, artifactId, args)
      const comments = edges.map(({ node }) => commentView(node))
      return context.json({ comments, next_cursor: pageInfo.hasNextPage ? pageInfo.endCursor : null }, 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'post', path: `${path}/comments`, ...securedBody(idempotent(idempotency)) },
      request: { params: id, ...body(z.object({ text: z.string().describe('At most 10,000 characters.') })) },
      responses: answers({ 201: json(commentSchema, 'The comment') }),
    }),
    async (context) => {
      const { text } = context.req.valid('json')
      const artifactId = expectId('Artifact', context.req.valid('param').id)
      return context.json(commentView(await collaboration.addComment(context.var.viewer, { artifactId, text })), 201)
    },
  )

  return routes
}
