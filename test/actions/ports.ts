/** The ports of drivers over arrays: what a test puts in, and what drivers left. */
import {
  type ArtifactPort,
  type DatasetPort,
  EffectError,
  type MailMessage,
  type MailPort,
  type Row,
} from '../../src/actions/ports.ts'

export type TestDataset = { id: string; name: string; rows: Row[]; snapshots: Row[][] }

type Page = NonNullable<Awaited<ReturnType<ArtifactPort['page']>>>

const BATCH = 100

export function createTestPorts() {
  const sets: TestDataset[] = []
  /** By the artifact's id. */
  const pages = new Map<string, Page>()
  const mails: MailMessage[] = []

  const must = ({ id }: { id: string }): TestDataset => {
    const found = sets.find((each) => each.id === id)
    if (!found) throw new EffectError('DATASET_NOT_FOUND', 'the dataset is gone')
    return found
  }

  const datasets: DatasetPort = {
    find: async (_subject, ref) => sets.find(({ id, name }) => ref === id || ref === name) ?? null,
    named: async (_subject, name) => sets.find((each) => each.name === name) ?? null,
    async ensure(_subject, name) {
      const found = sets.find((each) => each.name === name) ?? { id: `id-of-${name}`, name, rows: [], snapshots: [] }
      if (!sets.includes(found)) sets.push(found)
      return found
    },
    async load(ref, batches, { mode }) {
      const loaded: Row[] = []
      for await (const batch of batches) loaded.push(...batch)
      const dataset = must(ref)
      dataset.rows = mode === 'APPEND' ? [...dataset.rows, ...loaded] : loaded
      return { rows: loaded.length }
    },
    async *read(ref) {
      const { rows } = must(ref)
      for (let from = 0; from < rows.length; from += BATCH) yield rows.slice(from, from + BATCH)
    },
    async snapshot(ref) {
      const dataset = must(ref)
      dataset.snapshots.push([...dataset.rows])
      return { id: `snp_${dataset.snapshots.length}`, rows: dataset.rows.length }
    },
    async prune(ref, keep) {
      const { snapshots } = must(ref)
      return snapshots.splice(0, Math.max(0, snapshots.length - keep)).length
    },
  }

  const artifacts: ArtifactPort = {
    find: async ({ artifactId }, ref) => ref ?? artifactId,
    versionOf: async (_artifactId, target) => (typeof target === 'number' ? target : 1),
    async deploy(_artifactId, target) {
      return { versionNo: typeof target === 'number' ? target : 1, changed: true, url: 'http://localhost/a/demo/' }
    },
    page: async (artifactId) => pages.get(artifactId) ?? null,
  }

  const mail: MailPort = {
    async send(message) {
      mails.push(message)
      const receipt = { accepted: true, code: 250, response: '250 taken' }
      return {
        messageId: `${message.id}@localhost`,
        bytes: message.text.length,
        receipts: message.to.map((address) => ({ address, ...receipt })),
      }
    },
  }

  return { datasets, artifacts, mail, maxFetchBytes: 1_000_000, sets, pages, mails }
}
