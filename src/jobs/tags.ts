/** Tags of jobs: words that are the same for everybody. Clients name them, or give their ids. */
import type { Prisma, PrismaClient, Tag } from '../db/generated/prisma/client.ts'
import { sqlIn } from '../db/sql.ts'
import { isUuid, newId } from '../kernel/ids.ts'

/** Puts these tags, and no others, on a job; a name that is new becomes a tag. The caller holds the job's row. */
export async function setTags(tx: Prisma.TransactionClient, jobId: string, given: readonly string[]): Promise<void> {
  const ids = given.filter(isUuid)
  const known = await tx.tag.findMany({ where: { id: { in: ids } } })
  const unknown = ids.filter((id) => !known.some((tag) => tag.id === id))
  const names = [...new Set([...given.filter((each) => !isUuid(each)), ...unknown])].sort()
  await tx.tag.createMany({ data: names.map((name) => ({ id: newId(), name })), skipDuplicates: true })
  await tx.jobTag.deleteMany({ where: { jobId } })
  await sqlIn(tx)(
    `insert into job_tag (job_id, tag_id) select $1::uuid, id from tag where id = any($2::uuid[]) or name = any($3::text[])`,
    [jobId, known.map(({ id }) => id), names],
  )
}

/** In the order of the jobs, each by name. */
export async function tagsOf(prisma: PrismaClient, jobIds: readonly string[]): Promise<Tag[][]> {
  const found = await prisma.jobTag.findMany({ where: { jobId: { in: [...jobIds] } }, include: { tag: true } })
  const sorted = found.sort((one, other) => (one.tag.name < other.tag.name ? -1 : 1))
  const byJob = new Map(jobIds.map((id) => [id, [] as Tag[]]))
  for (const { jobId, tag } of sorted) byJob.get(jobId)?.push(tag)
  return jobIds.map((id) => byJob.get(id) ?? [])
}
