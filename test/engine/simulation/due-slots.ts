/** Each slot that was due while its job was enabled is one run, or lies in one range that was skipped; and no other is. */
import type { Job, Period } from './jobs.ts'
import type { Run } from './ledger.ts'
import { nextSlots } from './product.ts'
import type { World } from './world.ts'

export function checkSlots(world: World, job: Job, runs: Run[]): void {
  const scheduled = runs.filter(({ trigger }) => trigger === 'SCHEDULE')
  const times = (slots: Date[]) => slots.map((slot) => slot.getTime())
  const starts = scheduled.flatMap(({ scheduledFor }) => scheduledFor?.getTime() ?? [])
  const twice = starts.find((start, index) => starts.indexOf(start) !== index)
  if (twice !== undefined) world.violate('a slot has one run', `${job.id}: two at ${new Date(twice).toISOString()}`)

  const end = world.databaseNow()
  const possible = new Set<number>()
  const required = new Set<number>()
  for (const period of job.periods) {
    const { from, to } = period
    for (const slot of times(slotsIn(period, from.low, to?.latest ?? world.latest()))) possible.add(slot)
    for (const slot of times(slotsIn(period, from.high, to?.low ?? end))) required.add(slot)
  }

  const covered = new Map<number, number>()
  for (const { scheduledFor, skippedUntil } of scheduled) {
    if (!scheduledFor) continue
    const [low, high] = [scheduledFor.getTime(), (skippedUntil ?? scheduledFor).getTime()]
    if (!possible.has(low)) world.violate('no slot fires that was not due', `${job.id}: ${scheduledFor.toISOString()}`)
    for (const slot of possible) if (slot >= low && slot <= high) covered.set(slot, (covered.get(slot) ?? 0) + 1)
  }
  for (const slot of required) {
    if (!covered.has(slot))
      world.violate('every slot that was due is accounted for', `${job.id}: ${new Date(slot).toISOString()}`)
  }
  if (world.wentBack()) return
  for (const [slot, times] of covered) {
    if (times > 1) world.violate('every slot is accounted for once', `${job.id}: ${new Date(slot).toISOString()}`)
  }
}

function slotsIn({ recurrence, grid }: Period, after: Date, until: Date): Date[] {
  const slots: Date[] = []
  for (let last = after; ; ) {
    const [slot] = nextSlots(recurrence, grid, last, 1)
    if (!slot || slot > until) return slots
    slots.push(slot)
    last = slot
  }
}
