/** The words of Informer for what a run does and how that ends; its clients translate them. */
import { SNAPSHOT_STEPS } from '../../runs/plan.ts'

/** Of the step that the job is about. */
export const INVOKING = 'job:progress.invoking_job'

export const resultKeyOf = (success: boolean): string => (success ? 'job:status.success' : 'job:status.error')

/** Of the steps of a run by their names, in order: all but the one that the job is about are called as they are. */
export function taskKeysOf(names: readonly string[]): string[] {
  const main = names[0] === SNAPSHOT_STEPS.BEFORE ? 1 : 0
  return names.map((name, position) => (position === main ? INVOKING : name))
}
