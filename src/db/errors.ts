/** What PostgreSQL says, told apart by its codes: through Prisma and through pg alike. */
import { Prisma } from './generated/prisma/client.ts'

/** Two writers wanted the same unique thing; this one came second. */
export const isUniqueViolation = (error: unknown): boolean =>
  (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002') || sqlState(error) === '23505'

/** PostgreSQL ended this statement to let another go on; sending it again is right. */
export const isDeadlock = (error: unknown): boolean => sqlState(error) === '40P01'

function sqlState(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** The server is away, starting or stopping, or the connection broke; whether the statement took effect is unknown. */
export function isUnreachable(error: unknown): boolean {
  const state = sqlState(error)
  if (state) return /^(08...|57P0[123]|53300|ECONN\w+|EPIPE|ETIMEDOUT|ENOTFOUND)$/.test(state)
  return (
    error instanceof Error &&
    /connection (terminated|ended|closed)|timeout exceeded when trying to connect/i.test(error.message)
  )
}
