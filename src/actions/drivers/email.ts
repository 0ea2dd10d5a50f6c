import { z } from 'zod'
import type { Issue } from '../../kernel/errors.ts'
import { endedBy } from '../../mail/failure.ts'
import { isMailAddress } from '../../mail/spec.ts'
import { layOut } from '../../mail/template.ts'
import type { ActionKind, Driver, DriverDeps, Failure, StepContext, StepResult } from '../driver.ts'
import { callMail } from '../mail-call.ts'
import { gather, MAX_ATTACHMENT_BYTES } from '../mail-content.ts'
import { type DatasetPort, EffectError, type Subject } from '../ports.ts'
import { ALL_DATASETS } from '../spec.ts'

const MAX_RECIPIENTS = 10
const MAX_SUBJECT_CHARS = 200
const MAX_CONTENT_BYTES = 256 * 1024
const MAX_DATASETS = 5
const MAX_REF_CHARS = 200
const MiB = 1024 * 1024

const address = z.string().refine(isMailAddress, 'must be an address such as ann@example.org')
const content = z
  .string()
  .min(1)
  .refine((text) => Buffer.byteLength(text) <= MAX_CONTENT_BYTES, `must be at most ${MAX_CONTENT_BYTES} bytes`)

const config = z.object({
  recipients: z
    .array(address)
    .min(1)
    .max(MAX_RECIPIENTS)
    .describe(`Who gets the mail: 1 to ${MAX_RECIPIENTS} addresses. Each sees the others.`),
  subject: z
    .string()
    .min(1)
    .max(MAX_SUBJECT_CHARS)
    .regex(/^[^\p{Cc}\u2028\u2029]*$/u, 'must be one line')
    .describe('The subject: one line. May hold templates.'),
  text: content
    .optional()
    .describe(
      'The mail as plain text. May hold templates. Absent: derived from `html`; without either it says which job ran.',
    ),
  html: content
    .optional()
    .describe('The mail as HTML. The values of its templates are escaped. Absent: derived from `text`.'),
  replyTo: address.optional().describe('Where answers go. Absent: to the sender, which the operator sets.'),
  includeArtifactLink: z.boolean().default(false).describe('Whether the mail links to the artifact of the job.'),
  includeArtifactContent: z
    .boolean()
    .default(false)
    .describe('Whether the page of the live version is attached, and its words are in the mail.'),
  attachDatasets: z
    .array(z.string().min(1).max(MAX_REF_CHARS))
    .max(MAX_DATASETS)
    .default([])
    .describe(
      `Datasets to attach as CSV, at most ${MAX_DATASETS}: \`dat_…\`, names of those of the artifact, or slugs of your own; \`*\` stands for all that the job has by aliases. All files of a mail together: at most ${MAX_ATTACHMENT_BYTES / MiB} MiB.`,
    ),
})

export type EmailConfig = z.output<typeof config>

export const email = {
  kind: 'email',
  description: 'Sends a mail; it succeeds once the mail server takes it for at least one recipient.',
  config,
  scopes: ({ attachDatasets, includeArtifactContent }) => [
    ...(attachDatasets?.length ? (['data:read'] as const) : []),
    ...(includeArtifactContent ? (['artifacts:read'] as const) : []),
  ],
  create: createEmailDriver,
} satisfies ActionKind<EmailConfig>

export function createEmailDriver(deps: Pick<DriverDeps, 'mail' | 'datasets' | 'artifacts'>): Driver<EmailConfig> {
  return {
    config,

    async check(given, subject) {
      return [
        ...repeated(given.recipients),
        ...artifactIssues(given, subject),
        ...(await datasetIssues(deps.datasets, given.attachDatasets, subject)),
      ]
    },

    places: () => ({ subject: 'line', text: 'text', html: 'html' }),

    async execute(given, context) {
      try {
        return await send(deps, given, context)
      } catch (error) {
        const { signal } = context
        if (signal.aborted) return failed(endedBy(signal))
        if (error instanceof EffectError) return failed({ ...error, message: error.message, transient: false })
        throw error
      }
    },
  }
}

async function send(
  { mail, ...ports }: Pick<DriverDeps, 'mail' | 'datasets' | 'artifacts'>,
  given: EmailConfig,
  context: StepContext,
): Promise<StepResult> {
  const { recipients: to, subject, replyTo } = given
  const { artifact, signal } = context
  const { attachments, excerpt } = await gather(ports, given, context)
  const { text, html } = layOut({
    subject,
    text: given.text ?? (given.html === undefined ? whatRan(context) : undefined),
    html: given.html,
    link: given.includeArtifactLink && artifact ? { name: artifact.slug, url: artifact.url } : null,
    excerpt,
    footer: `Sent by ${jobOf(context)} (${context.run.job.id}) of Runsheet.`,
  })
  const id = `${context.runId.replaceAll('-', '')}.${context.position}`
  const { result, deliveries } = await callMail(mail, { id, to, replyTo, subject, text, html, attachments }, signal)
  if (!result.ok) return { ok: false, failure: result.failure, deliveries }
  const { messageId, receipts } = result.outcome
  const refused = receipts.filter(({ accepted }) => !accepted)
  if (to.length > 1) {
    const message = 'recipients that the mail server took'
    context.report.progress({ done: to.length - refused.length, total: to.length, message })
  }
  return {
    ok: true,
    output: {
      messageId,
      accepted: receipts.filter(({ accepted }) => accepted).map((receipt) => receipt.address),
      rejected: refused.map(({ address, code, response }) => ({ address, code, message: response })),
    },
    deliveries,
    warnings: refused.map(({ address, response }) => `${address} was refused: ${response}`),
  }
}

const failed = ({ code, message, transient }: Failure): StepResult => ({
  ok: false,
  failure: { code, message, transient },
  deliveries: [],
})

const jobOf = ({ run }: StepContext) => (run.job.name === null ? 'a job' : `the job “${run.job.name}”`)

function whatRan(context: StepContext): string {
  const { run, event } = context
  const due = run.scheduledFor === null ? '' : `, as was due at ${run.scheduledFor}`
  const cause = event === null ? '' : `, after the event ${event.type}`
  const text = `${jobOf(context)} ran${due}${cause}.`
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function repeated(recipients: readonly string[]): Issue[] {
  const known = new Set<string>()
  return recipients.flatMap((recipient, index) => {
    const isKnown = known.has(recipient.toLowerCase())
    known.add(recipient.toLowerCase())
    return isKnown ? [{ path: `recipients.${index}`, message: 'is given twice' }] : []
  })
}

function artifactIssues(given: EmailConfig, { artifactId }: Subject): Issue[] {
  if (artifactId !== null) return []
  const wanted = (['includeArtifactLink', 'includeArtifactContent'] as const).filter((field) => given[field])
  return wanted.map((path) => ({ path, message: 'needs a job that is put on an artifact' }))
}

async function datasetIssues(datasets: DatasetPort, refs: readonly string[], subject: Subject): Promise<Issue[]> {
  const found = await Promise.all(refs.map((ref) => ref === ALL_DATASETS || datasets.find(subject, ref, 'read')))
  return found.flatMap((dataset, index) =>
    dataset ? [] : [{ path: `attachDatasets.${index}`, message: 'there is no such dataset that the owner may read' }],
  )
}
