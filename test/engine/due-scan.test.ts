import { expect, it } from 'vitest'
import { lockDueJobs, nextSlotDue } from '../../src/engine/queries.ts'
import { rowsOf } from './plan-rows.ts'
import { useWorld, type World } from './world.ts'

let world: World
useWorld((made) => {
  world = made
})

it('looking for due slots passes over no job that is due later', { timeout: 60_000 }, async () => {
  await world.job({ schedule: { every: { seconds: 3600 } } })
  await world.sql(
    `insert into job (id, surface, owner_id, created_by_id, schedule_id, trigger, next_run_at)
    select gen_random_uuid(), surface, owner_id, created_by_id, schedule_id, trigger, next_run_at + make_interval(secs => n)
    from job, generate_series(1, 20000) n where schedule_id is not null`,
  )
  for (const analyzed of [false, true]) {
    if (analyzed) await world.sql('analyze job')
    for (const mode of ['force_custom_plan', 'force_generic_plan']) {
      await world.sql(
        'update job set next_run_at = clock_timestamp() where id in (select id from job order by next_run_at limit 3)',
      )
      expect(await rowsOf(world.database, mode, (sql) => lockDueJobs(sql, 50))).toBeLessThan(100)
      expect(await rowsOf(world.database, mode, nextSlotDue)).toBeLessThan(100)
    }
  }
})
