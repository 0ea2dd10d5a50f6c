/** Whose requests are counted together: those of one token, or without one those of one address. */
import type { IncomingMessage } from 'node:http'
import type { ClientOf } from '../hosting/client.ts'
import { bearerToken } from '../identity/bearer.ts'

export type Callers = ReturnType<typeof createCallers>

/** The two kinds of names cannot be taken for each other. `authorization`: where it is not the header's. */
export const createCallers =
  (clientOf: ClientOf) =>
  (request: IncomingMessage, authorization: string | undefined = request.headers.authorization): string => {
    const token = authorization?.startsWith('Basic ') ? authorization : bearerToken(authorization)
    return token ? `token ${token}` : `address ${clientOf(request)}`
  }
