/** The words of Informer for what a run does and how that ends; its clients translate them. */

/** Of the step that the job is about. */
export const INVOKING = 'job:progress.invoking_job'

export const resultKeyOf = (success: boolean): string => (success ? 'job:status.success' : 'job:status.error')
