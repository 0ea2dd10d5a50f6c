import { z } from 'zod'
import type { Issue } from '../../kernel/errors.ts'
import type { ActionKind, Driver, DriverDeps } from '../driver.ts'
import { failed } from '../failed.ts'
import { EffectError, type Subject } from '../ports.ts'

const MAX_ID_CHARS = 100
/** What PostgreSQL and GraphQL call an Int. */
const MAX_INT = 2 ** 31 - 1

const config = z.object({
  artifactId: z
    .string()
    .max(MAX_ID_CHARS)
    .optional()
    .describe('`art_…`: an artifact that the job’s owner owns or edits. Absent: the one that the job is on.'),
  versionNo: z.int().min(1).max(MAX_INT).optional().describe('Makes this version live; not together with target.'),
  target: z
    .enum(['LATEST', 'PREVIOUS'])
    .optional()
    .describe(
      'Which version when the step is done: LATEST the newest, PREVIOUS the one that was live before the one that is. Absent, and without versionNo: LATEST.',
    ),
})

export type PublishConfig = z.output<typeof config>

export const publish = {
  kind: 'publish',
  description: 'Makes a version of an artifact live: promotes one that waits, or rolls back.',
  config,
  scopes: () => ['artifacts:write'],
  create: createPublishDriver,
} satisfies ActionKind<PublishConfig>

function createPublishDriver({ artifacts }: DriverDeps): Driver<PublishConfig> {
  return {
    config,

    async check({ artifactId, versionNo, target }, subject) {
      const id = await artifacts.find(subject, artifactId ?? null)
      if (!id) return [{ path: 'artifactId', message: noArtifact(artifactId, subject) }]
      const issues: Issue[] = []
      if (versionNo !== undefined && (await artifacts.versionOf(id, versionNo)) === null) {
        issues.push({ path: 'versionNo', message: `the artifact has no version ${versionNo}` })
      }
      if (versionNo !== undefined && target !== undefined) {
        issues.push({ path: 'target', message: 'cannot be combined with versionNo' })
      }
      return issues
    },

    async execute({ artifactId, versionNo, target = 'LATEST' }, { subject, effect, depth }) {
      const id = await artifacts.find(subject, artifactId ?? null)
      if (!id) return failed('NO_SUCH_ARTIFACT', noArtifact(artifactId, subject))
      try {
        const by = { ownerId: subject.ownerId, effect, depth }
        return { ok: true, output: await artifacts.deploy(id, versionNo ?? target, by), deliveries: [] }
      } catch (error) {
        if (error instanceof EffectError) return failed(error.code, error.message)
        throw error
      }
    },
  }
}

function noArtifact(artifactId: string | undefined, subject: Subject): string {
  if (artifactId !== undefined) return 'the job’s owner has no such artifact'
  return subject.artifactId
    ? 'the job’s owner may not change the artifact that it is on'
    : 'must be given: the job is on no artifact'
}
