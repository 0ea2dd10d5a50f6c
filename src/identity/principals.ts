/** Principals by their handles. */
import type { Principal, Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import { ValidationError } from '../kernel/errors.ts'
import { flawOfJson } from '../kernel/storable.ts'

/** `alice`, `team:analytics` or, if no user is called so, `analytics`; null: there is none. */
export async function principalNamed(
  prisma: PrismaClient | Prisma.TransactionClient,
  handle: string,
): Promise<Principal | null> {
  const namesakes = await prisma.principal.findMany({ where: { handle: { in: [handle, `team:${handle}`] } } })
  return namesakes.find((principal) => principal.handle === handle) ?? namesakes[0] ?? null
}

/** A handle as a client gave it, and what the client calls the field that it stood in. */
export type NamedPrincipal = { handle: string; field: string }

/**
 * The same where there must be one.
 * @throws ValidationError at the field
 */
export async function requirePrincipal(
  prisma: PrismaClient | Prisma.TransactionClient,
  { handle, field }: NamedPrincipal,
): Promise<Principal> {
  const flaw = flawOfJson(handle)
  const found = flaw ? null : await principalNamed(prisma, handle)
  if (found) return found
  throw ValidationError.at(field, flaw ?? `there is no user and no team ${handle.slice(0, 100)}`)
}
