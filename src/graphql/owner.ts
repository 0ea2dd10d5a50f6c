/** Owners of many rows in one statement, with no more of each than is asked for. */
import type { GraphQLResolveInfo } from 'graphql'
import type { Principal } from '../db/generated/prisma/client.ts'
import { loadBatched } from './batch.ts'
import type { Context } from './context.ts'
import { fieldsRead } from './selection.ts'

/** Of a field whose type is Principal. */
export function loadOwner(context: Context, id: string, info: GraphQLResolveInfo): Promise<Principal> {
  const wanted = fieldsRead(info, 'Principal')
  const name = wanted ? `Principal ${[...wanted].sort()}` : 'Principal'
  return loadBatched(context, name, id, async (ids) => (await context.identity.principals(ids, wanted)) as Principal[])
}
