/** `POST /authenticate`, or `/login`: a cookie in exchange for a token. */
import { createRoute, z } from '@hono/zod-openapi'
import type { Log } from '../../kernel/log.ts'
import { body, type Routes } from '../routing.ts'
import type { CredentialDeps } from './credentials.ts'
import { notSignedIn } from './fault.ts'
import { loginSchema, signIn } from './login.ts'
import { answers, createRoutes, json, openBody } from './router.ts'
import { cookieFor, isFromElsewhere } from './session.ts'

export type AuthenticateDeps = CredentialDeps & { log: Log }

const signedInSchema = z.object({ code: z.literal(0), user_id: z.int() })

export function authenticateRoutes(deps: AuthenticateDeps): Routes {
  const { identity, publicUrl, log } = deps
  const routes = createRoutes(log)

  for (const path of ['/authenticate', '/login']) {
    routes.openapi(
      createRoute({
        ...{ method: 'post', path, summary: 'Sign in: sets the cookie auth_tkt', ...openBody() },
        request: body(loginSchema),
        responses: answers({ 200: json(signedInSchema, 'Signed in') }),
      }),
      async (context) => {
        if (isFromElsewhere(context.req.header(), publicUrl)) throw notSignedIn('Pages of other origins cannot sign in')
        const viewer = await signIn(identity, context.req.valid('json'))
        const [principal] = await identity.principals([viewer.principalId])
        context.header('set-cookie', cookieFor(deps, viewer.tokenId))
        context.header('cache-control', 'no-store')
        return context.json({ code: 0 as const, user_id: principal?.number ?? 0 }, 200)
      },
    )
  }

  return routes
}
