/** Domain events go to the outbox in the transaction that makes them true; the engine starts the jobs that wait for them. */
import type { Sql } from '../db/sql.ts'
import { newId } from '../kernel/ids.ts'
import { notifySql } from '../live/events.ts'

export type NewDomainEvent = {
  type: string
  ownerId: string
  artifactId: string | null
  payload: unknown
  /** How many events stand before it in its chain. Default 0. */
  depth?: number
}

/** Answers the event's id. */
export async function emit(
  sql: Sql,
  { type, ownerId, artifactId, payload, depth = 0 }: NewDomainEvent,
): Promise<string> {
  const id = newId()
  await sql(
    `with emitted as (
      insert into domain_event (id, type, owner_id, artifact_id, payload, depth)
      values ($1::uuid, $2, $3::uuid, $4::uuid, $5::jsonb, $6::int) returning id)
    select id from emitted cross join (select ${notifySql('outbox')}) told`,
    [id, type, ownerId, artifactId, payload == null ? null : JSON.stringify(payload), depth],
  )
  return id
}
