/** `/v1/auth/profile`: what those who ask are, and what they say of themselves. */
import { createRoute, z } from '@hono/zod-openapi'
import type { Principal } from '../../db/generated/prisma/client.ts'
import { requireSignedIn } from '../../identity/permissions.ts'
import type { IdentityService } from '../../identity/service.ts'
import { NotFoundError, ValidationError } from '../../kernel/errors.ts'
import { formatId } from '../../kernel/ids.ts'
import type { Log } from '../../kernel/log.ts'
import { body, type Routes } from '../routing.ts'
import { answers, createRoutes, json, secured, securedBody } from './router.ts'

export type ProfileDeps = { identity: IdentityService; log: Log }

const profileSchema = z.object({
  id: z.string().describe('`usr_…`'),
  email: z.string().nullable(),
  name: z.string().nullable(),
  metadata: z.record(z.string(), z.unknown()),
})

const changeSchema = z.object({
  name: z.string().nullish().describe('At most 200 characters; null clears.'),
  metadata: z.record(z.string(), z.unknown()).optional().describe('At most 16 KiB, in place of what was there.'),
  email: z.string().nullish().describe('Must be what it is: an administrator sets it.'),
})

const view = ({ id, email, name, metadata }: Principal) => ({
  ...{ id: formatId('Principal', id), email, name },
  metadata: metadata as Record<string, never>,
})

export function profileRoutes({ identity, log }: ProfileDeps): Routes {
  const routes = createRoutes(log, 'VALIDATION_ERROR')
  const path = '/v1/auth/profile'

  routes.openapi(
    createRoute({
      ...{ method: 'get', path, ...secured() },
      responses: answers({ 200: json(profileSchema, 'Who asks') }),
    }),
    async (context) => {
      const [own] = await identity.principals([requireSignedIn(context.var.viewer).principalId])
      if (!own) throw new NotFoundError('you are gone')
      return context.json(view(own), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'patch', path, ...securedBody(), request: body(changeSchema) },
      responses: answers({ 200: json(profileSchema, 'The profile as it is now') }),
    }),
    async (context) => {
      const { email, ...changes } = context.req.valid('json')
      if (email !== undefined && email !== requireSignedIn(context.var.viewer).email) {
        throw ValidationError.at('email', 'is set by an administrator')
      }
      return context.json(view(await identity.updateProfile(context.var.viewer, changes)), 200)
    },
  )

  return routes
}
