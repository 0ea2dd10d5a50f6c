/** What a mail of a step holds besides its author's words: datasets, and the page of the artifact. */
import { csvOf } from '../mail/csv.ts'
import { textOfHtml } from '../mail/render.ts'
import type { StepContext } from './driver.ts'
import { type ArtifactPort, type DatasetPort, EffectError, type MailMessage } from './ports.ts'
import { ALL_DATASETS } from './spec.ts'

/** Of all files of a mail together, before they are encoded, which adds a third. */
export const MAX_ATTACHMENT_BYTES = 10 * 1024 * 1024
/** Of a page, from which its words are taken, and of these words in a mail. */
const MAX_PAGE_BYTES = 512 * 1024
const MAX_EXCERPT_CHARS = 20_000

type Attachment = MailMessage['attachments'][number]
type Content = { attachments: Attachment[] /** Words of the page. */; excerpt: string | null }

/** @throws EffectError when something is not there, or is too much for a mail; the signal's reason */
export async function gather(
  ports: { datasets: DatasetPort; artifacts: ArtifactPort },
  { attachDatasets, includeArtifactContent }: { attachDatasets: string[]; includeArtifactContent: boolean },
  { subject, signal }: StepContext,
): Promise<Content> {
  const attachments: Attachment[] = []
  const left = () => MAX_ATTACHMENT_BYTES - attachments.reduce((sum, { content }) => sum + content.length, 0)
  let excerpt: string | null = null

  if (includeArtifactContent) {
    const page = subject.artifactId === null ? null : await ports.artifacts.page(subject.artifactId)
    if (!page) throw new EffectError('NO_LIVE_PAGE', 'the artifact has no live version with a page that could be sent')
    const filename = page.path.split('/').at(-1) || page.name
    if (page.content.length > left()) throw tooLarge(filename)
    attachments.push({ filename, contentType: page.mime, content: page.content })
    excerpt = excerptOf(page.mime, page.content, filename)
  }
  const aliases = Object.keys(subject.datasets ?? {}).sort()
  const refs = new Set(attachDatasets.flatMap((ref) => (ref === ALL_DATASETS ? aliases : [ref])))
  for (const ref of refs) {
    const dataset = await ports.datasets.find(subject, ref, 'read')
    if (!dataset) throw new EffectError('DATASET_NOT_FOUND', `there is no dataset ${JSON.stringify(ref)}`)
    const content = await csvOf(until(signal, ports.datasets.read(dataset)), left())
    if (!content) throw tooLarge(dataset.name)
    attachments.push({ filename: `${dataset.name}.csv`, contentType: 'text/csv; charset=utf-8', content })
  }
  return { attachments, excerpt }
}

const tooLarge = (name: string) =>
  new EffectError(
    'MAIL_TOO_LARGE',
    `with ${JSON.stringify(name)} the mail would have more than ${MAX_ATTACHMENT_BYTES} bytes of files`,
  )

function excerptOf(mime: string, content: Buffer, filename: string): string | null {
  if (!/^text\//i.test(mime)) return null
  const source = new TextDecoder().decode(content.subarray(0, MAX_PAGE_BYTES))
  const words = /^text\/html\b/i.test(mime) ? textOfHtml(source) : source
  if (content.length <= MAX_PAGE_BYTES && words.length <= MAX_EXCERPT_CHARS) return words
  return `${words.slice(0, MAX_EXCERPT_CHARS)}…\n\n(All of it is in the attached ${filename}.)`
}

async function* until<Batch>(signal: AbortSignal, batches: AsyncIterable<Batch>): AsyncIterable<Batch> {
  for await (const batch of batches) {
    signal.throwIfAborted()
    yield batch
  }
}
