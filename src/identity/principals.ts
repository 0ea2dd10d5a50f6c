/** Principals by their handles. */
import type { Principal, Prisma, PrismaClient } from '../db/generated/prisma/client.ts'

/** `alice`, `team:analytics` or, if no user is called so, `analytics`; null: there is none. */
export async function principalNamed(
  prisma: PrismaClient | Prisma.TransactionClient,
  handle: string,
): Promise<Principal | null> {
  const namesakes = await prisma.principal.findMany({ where: { handle: { in: [handle, `team:${handle}`] } } })
  return namesakes.find((principal) => principal.handle === handle) ?? namesakes[0] ?? null
}
