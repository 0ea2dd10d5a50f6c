/**
 * Who asks: by what the body says beside its payload, by a bearer token, or by the cookie of `POST /authenticate`; the
 * first of them that is there.
 */
import type { Context } from 'hono'
import { bearerToken } from '../../identity/bearer.ts'
import type { IdentityService } from '../../identity/service.ts'
import type { Viewer } from '../../identity/viewer.ts'
import type { Env } from '../routing.ts'
import { badLogin } from './fault.ts'
import { loginSchema, signIn } from './login.ts'
import { type SessionDeps, viewerOfCookie } from './session.ts'

export type CredentialDeps = SessionDeps & { identity: IdentityService }

type Enclosed = { auth: unknown; payload?: unknown }

/** Afterwards the body is the payload, for whoever reads it. */
export async function viewerOf(deps: CredentialDeps, { req }: Context<Env>): Promise<Viewer> {
  const enclosed = enclosedIn(await req.text())
  if (enclosed) {
    const login = loginSchema.safeParse(enclosed.auth)
    if (!login.success) throw badLogin()
    req.bodyCache = { text: Promise.resolve(JSON.stringify(enclosed.payload ?? {})) as never }
    return signIn(deps.identity, login.data)
  }
  const authorization = req.header('authorization')
  if (authorization !== undefined) return deps.identity.authenticate(bearerToken(authorization))
  return viewerOfCookie(deps, req.header())
}

/** A body of `auth` and `payload`, and nothing else; null: it is none. */
function enclosedIn(text: string): Enclosed | null {
  if (!text.includes('"auth"')) return null
  try {
    const body = JSON.parse(text)
    const keys = body && typeof body === 'object' ? Object.keys(body) : []
    const isEnclosing = keys.includes('auth') && keys.every((key) => key === 'auth' || key === 'payload')
    return isEnclosing ? body : null
  } catch {
    return null
  }
}
