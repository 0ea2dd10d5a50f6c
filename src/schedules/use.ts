/** Using a shared schedule in a job: it must be there, and must not change between the look at it and the use. */
import type { Prisma, Schedule } from '../db/generated/prisma/client.ts'
import { sqlIn } from '../db/sql.ts'
import { NotFoundError } from '../kernel/errors.ts'

export const noSuchSchedule = () => new NotFoundError('there is no such schedule')

/** Until the transaction ends the schedule stays as it is, and stays at all. */
export async function holdSchedule(tx: Prisma.TransactionClient, id: string): Promise<Schedule> {
  const held = await sqlIn(tx)('select 1 from schedule where id = $1::uuid and shared for share', [id])
  if (held.length === 0) throw noSuchSchedule()
  return tx.schedule.findUniqueOrThrow({ where: { id } })
}
