/** Where a job is. Pure. */
export const jobHref = (id: string) => `/api/jobs/${id}`
