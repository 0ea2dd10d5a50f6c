/**
 * Whether a step may still have an effect inside of Runsheet. A worker that was frozen may wake up long after its run
 * went on without it; what it writes of the run is refused, and so must be what it would do to anything else.
 */
import { EffectError, type EffectKey } from '../actions/ports.ts'
import type { Sql } from '../db/sql.ts'

const OPEN = `select 1 from run where id = $1::uuid and status = 'RUNNING' and step = $2`

/**
 * The caller holds what the effect is about, so that of two workers with the same step one sees what the other did.
 * @throws EffectError RUN_OVER when the step has ended, or its run waits or is over
 */
export async function requireOpen(sql: Sql, { runId, position }: EffectKey): Promise<void> {
  const open = await sql(OPEN, [runId, position])
  if (open.length === 0)
    throw new EffectError('RUN_OVER', 'the step ended without it: another worker did it, or none will')
}
