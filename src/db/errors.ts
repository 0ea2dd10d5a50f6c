/** What PostgreSQL says, told apart by its codes: through Prisma and through pg alike. */
import { Prisma } from './generated/prisma/client.ts'

/** Two writers wanted the same unique thing; this one came second. */
export const isUniqueViolation = (error: unknown): boolean =>
  (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002') || codeOf(error) === '23505'

/** Whether it is this index that does not take it. For what came through Prisma. */
export const isDuplicateIn = (error: unknown, index: string): boolean =>
  isUniqueViolation(error) && JSON.stringify((error as { meta?: unknown }).meta ?? '').includes(`"index":"${index}"`)

/** PostgreSQL ended this statement to let another go on; sending it again is right. */
export const isDeadlock = (error: unknown): boolean => codeOf(error) === '40P01'

/** PostgreSQL's or the system's; for what Prisma has no code of its own, PostgreSQL's is inside. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { code, meta } = error as { code?: unknown; meta?: { driverAdapterError?: { cause?: unknown } } }
  const { originalCode } = (meta?.driverAdapterError?.cause ?? {}) as { originalCode?: unknown }
  return [originalCode, code].find((each) => typeof each === 'string')
}

/** Connection exceptions, shutdowns and restarts, idle in a transaction for too long, a standby, no resources. */
const SERVER = /^(08...|57P0[1-5]|25P03|25006|53...)$/
const NETWORK = /^(ECONN\w+|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN)$/
const PRISMA = /^(P1001|P1002|P1008|P1017|P2037)$/
/** What pg says for itself has no code. */
const CLIENT =
  /connection (terminated|ended|closed)|is not queryable|query read timeout|timeout (expired|exceeded when trying to connect)/i

/**
 * The server is away, starting, stopping, a standby (as after a failover, until its name leads to the new primary) or
 * out of resources, or the connection broke; whether the statement took effect is unknown.
 */
export function isUnreachable(error: unknown): boolean {
  const code = codeOf(error)
  if (code) return [SERVER, NETWORK, PRISMA].some((codes) => codes.test(code))
  return error instanceof Error && CLIENT.test(error.message)
}
